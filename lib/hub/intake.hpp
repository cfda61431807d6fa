// Takes in the weights of models that clients open: asks for the blobs that the store lacks, one after the other in a
// window of pieces, checks each against its digest and keeps it. Called on the hub's thread; the store is used on the
// worker's, since a disk may take seconds.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/blob_store.hpp"
#include "base/time.hpp"
#include "hub/outbox.hpp"
#include "wire/data_messages.hpp"
#include "wire/graph_codec.hpp"

namespace shoal::hub {

class Intake {
public:
    /// All of them outlive this, and the worker runs nothing more once this goes.
    Intake(base::BlobStore& store, Outbox& outbox, Worker& worker) : store_(store), outbox_(outbox), worker_(worker) {}

    /// Pins those of the blobs that are here and has the client send the others; both go on until cancel().
    /// May be said again for another client when the first one left.
    void want(std::uint64_t model, PeerId client, const std::vector<wire::BlobNeed>& blobs);

    struct State {
        std::uint64_t done = 0, total = 0;                ///< bytes
        bool complete = false;                            ///< everything is here, and pinned
        std::optional<base::Error> error = std::nullopt;  ///< it will not be complete
        bool sender_to_blame = false;                     ///< another client may do better
        PeerId client = PeerId::none;                     ///< who sends
    };
    [[nodiscard]] State state(std::uint64_t model) const;

    void blob(PeerId client, const wire::Blob& message);
    void missing(PeerId client, const wire::BlobMissing& message);
    /// The client is gone: what it was to send is waited for no more.
    void lost(PeerId client);
    /// A client that sends nothing for long is waited for no more.
    void tick(base::TimePoint now);
    /// The model is closed: its blobs may be removed when the store is full.
    void cancel(std::uint64_t model);

private:
    struct Wish {
        PeerId client = PeerId::none;
        bool looked = false;  ///< what is here is known
        std::deque<wire::BlobNeed> missing{};
        std::vector<base::BlobPin> pins{};
        std::uint64_t done = 0, total = 0;
        std::optional<base::Error> error{};
        bool sender_to_blame = false;
        std::atomic<bool> given_up{false};
    };
    struct Transfer {
        std::uint64_t model = 0;
        wire::BlobNeed blob{};
        std::uint64_t asked = 0, arrived = 0, kept = 0;  ///< bytes
        std::uint64_t seen = 0;                          ///< arrived when tick() last looked and found more
        base::TimePoint since{};
        std::atomic<bool> given_up{false};
        std::optional<base::BlobWriter> writer{};  ///< the worker's alone
    };
    // What came of a job on the worker.
    struct Kept {
        std::optional<base::BlobPin> pin{};  ///< of the whole blob
        std::optional<base::Error> error{};
        bool sender_to_blame = false;
    };
    enum class Blame { nobody, sender };

    using Transfers = std::map<PeerId, std::shared_ptr<Transfer>>;

    void look(std::uint64_t model, const std::vector<wire::BlobNeed>& blobs);
    void looked(std::uint64_t model, const std::shared_ptr<Wish>& wish, const std::shared_ptr<Wish>& found);
    void go_on(std::uint64_t model);
    void go_on_for(PeerId client);
    void begin(std::uint64_t model, Wish& wish);
    void ask_more(PeerId client, Transfer& transfer);
    void keep(PeerId client, const std::shared_ptr<Transfer>& transfer, std::function<Kept()> job, std::uint64_t bytes);
    void kept(Transfers::iterator at, Kept result);
    void abandon(Transfers::iterator at, base::Error error, Blame blame);
    void finish(std::uint64_t model, base::BlobPin pin);
    void fail(std::uint64_t model, base::Error error, Blame blame);
    void blame(PeerId client, const base::Error& error);
    void drop(Transfers::iterator at);
    void give_up(std::shared_ptr<Wish> wish);

    base::BlobStore& store_;
    Outbox& outbox_;
    Worker& worker_;
    // Jobs hold theirs too; what they bring for one that is no longer here is dropped.
    std::map<std::uint64_t, std::shared_ptr<Wish>> wishes_;  // by model
    Transfers transfers_;                                    // one a client at a time
};

}  // namespace shoal::hub
