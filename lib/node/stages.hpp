// The stages of this board: what becomes of the messages about them. Belongs to the node's thread.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "node/blobs.hpp"
#include "node/outbox.hpp"
#include "node/preparation.hpp"
#include "node/runner.hpp"
#include "node/stage.hpp"

namespace shoal::node {

class Stages {
public:
    /// `board` is this board's name.
    Stages(std::string board, std::vector<Device>& devices, MemoryMeter& meter, Blobs& blobs,
           std::shared_ptr<Inbox> inbox, Outbox& outbox);

    // What the hub says:
    void deploy(wire::Deploy message, base::TimePoint now);
    void undeploy(const wire::Undeploy& message);
    void cancel(const wire::Cancel& message);
    /// Those that are not ready yet, and will never be: the hub is gone.
    void drop_unready();
    /// The hub has forgotten this board.
    void drop_all(const std::string& why);

    // What boards say, "" being the hub. Throws network when it breaks the protocol.
    void activation(const std::string& board, wire::Activation message, base::TimePoint now);
    void credit(const std::string& board, const wire::Credit& message);
    /// A board that may send us inputs connected: it is told what it may send.
    void sender_came(const std::string& board);
    /// The connection that we made to a board broke.
    void consumer_lost(const std::string& board);

    /// Goes on with all that can go on.
    void step(base::TimePoint now);
    /// Some stage waits for room, weights or the device.
    [[nodiscard]] bool any_waits() const;
    /// When step() has something to do though nothing happened.
    [[nodiscard]] base::TimePoint next(base::TimePoint now) const;

    [[nodiscard]] std::vector<wire::StageCounters> counters() const;
    /// Requests that wait for that device.
    [[nodiscard]] std::uint32_t queued(std::uint32_t device) const;
    [[nodiscard]] std::size_t size() const noexcept { return stages_.size(); }
    [[nodiscard]] std::uint64_t runs() const noexcept { return runs_; }
    [[nodiscard]] std::uint64_t failures() const noexcept { return failures_; }
    /// Takes back what runs.
    void cancel_runs() noexcept;

private:
    using Table = std::map<StageKey, std::unique_ptr<Stage>>;

    [[nodiscard]] Preparation::Callbacks callbacks();
    [[nodiscard]] Stage* find(const StageKey& key);
    [[nodiscard]] Stage* find(const StageKey& key, std::uint64_t serial);
    [[nodiscard]] std::shared_ptr<Compiled> reusable(const Stage& wanted) const;
    [[nodiscard]] bool may_get_room(const Stage& wanted) const;
    void ready(Stage& stage);
    void failed(const StageKey& key, base::Code code, const std::string& why);
    Table::iterator drop(Table::iterator at);

    void done(Outcome outcome);
    void deliver(Stage& stage, Outcome& outcome);
    void give_back(Stage& stage, const Returned& senders);
    template <class Unwanted>
    void drop_complete(Stage& stage, Unwanted&& unwanted);
    void grant(const Stage& stage, std::size_t sender, std::uint32_t count);
    [[nodiscard]] bool is_gone(const wire::Credit& credit) const;
    void report(const StageKey& key, std::uint64_t request, base::Code code, const std::string& text);
    void expire(Stage& stage, base::TimePoint now);

    std::string board_;
    std::vector<Device>& devices_;
    MemoryMeter& meter_;
    Outbox& outbox_;
    Table stages_;
    std::vector<std::weak_ptr<Compiled>> leaving_;  // dropped, but a run or the device may still hold it
    // Credits for stages whose Deploy is still on its way: the hub tells every board at its own time.
    struct EarlyCredit {
        std::string board;
        wire::Credit credit;
    };
    std::deque<EarlyCredit> early_;
    std::map<std::uint64_t, std::uint64_t> gone_;  // by deployment: the first epoch that is not undeployed
    std::uint64_t last_serial_ = 0, runs_ = 0, failures_ = 0;
    bool starved_ = false;
    Preparation preparation_;
    Runner runner_;
};

}  // namespace shoal::node
