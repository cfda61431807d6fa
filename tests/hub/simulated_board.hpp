// A board as the hub sees it, without threads, devices or clocks: it answers at once, with made-up measurements and
// with the truth computed on the host; or it dies, falls silent, hangs, or refuses, as the test says.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "runtime/backend.hpp"
#include "wire/decode.hpp"

namespace shoal::test {

struct SimulatedBoardOptions {
    std::string name;
    std::uint64_t memory_bytes = 1 << 20;
    double seconds_per_kernel = 1e-3;
    int devices = 1;
};

class SimulatedBoard {
public:
    using Send = std::function<void(const std::string& to, wire::Frames)>;  // "" is the hub

    SimulatedBoard(SimulatedBoardOptions options, Send send);

    [[nodiscard]] const std::string& name() const noexcept { return options_.name; }
    void join();
    void heartbeat();
    void from_hub(const wire::Frames& frames);
    void from_board(const std::string& board, const wire::Frames& frames);
    /// The connection to that peer is gone.
    void forget_session();

    /// Its kernels take so many times as long as they did.
    void slow_down(double factor) { run_seconds_ = options_.seconds_per_kernel * factor; }

    bool hangs = false;         ///< runs do not come back; heartbeats say so
    std::uint32_t hung_ms = 0;  ///< for how long, as heartbeats say
    bool measures = true;       ///< what it is asked to measure is answered
    int refuse_deploys = 0;     ///< so many are refused
    base::Code refusal = base::Code::device;
    int stage_errors = 0;  ///< so many runs fail
    base::Code stage_error = base::Code::device;
    std::set<std::string> unreachable{};  ///< boards to which it finds no way
    std::uint64_t runs = 0, compiles = 0, blobs_fetched = 0, measured = 0;
    [[nodiscard]] std::size_t stages() const noexcept { return stages_.size(); }

private:
    struct Waiting {
        std::vector<tensor::Tensor> inputs{};
        std::vector<std::int64_t> missing{};
        std::vector<wire::Source> senders{};
        std::uint32_t turn = 0;
    };
    struct Stage {
        wire::Deploy deploy{};
        std::shared_ptr<runtime::Executable> executable{};
        std::map<std::uint64_t, Waiting> waiting{};
        std::vector<std::uint64_t> complete{};
        std::map<std::pair<std::string, std::uint32_t>, std::uint32_t> credits{};  // of those it sends to
        wire::StageCounters counters{};
    };
    using Key = std::tuple<std::uint64_t, std::uint32_t, std::uint32_t>;

    void hear(const wire::Welcome& message);
    void hear(const wire::MeasureKernels& message);
    void hear(const wire::MeasureLink& message);
    void hear(const wire::Probe& message);
    void hear(const wire::Deploy& message);
    void hear(const wire::Undeploy& message);
    void hear(const wire::Blob& message);
    void hear(const wire::Activation& message);
    void hear(const wire::Cancel& message);
    void hear(const wire::Credit& message, const std::string& from);
    template <class Message>
    void hear(const Message&) {}

    void make_ready();
    void run_stages();
    bool run_one(Stage& stage, std::uint64_t request);
    void give_back(Stage& stage, const Waiting& waiting);

    SimulatedBoardOptions options_;
    Send send_;
    double run_seconds_;
    std::shared_ptr<runtime::Backend> backend_;
    std::uint64_t session_ = 0, sequence_ = 0, boot_ = 0;
    std::map<Key, Stage> stages_;
    std::map<base::Digest, base::SharedBytes> blobs_;  // its disk
    std::deque<std::pair<std::string, wire::Credit>> early_;
    std::deque<std::pair<std::uint64_t, int>> vain_probes_;  // tasks, and heartbeats until they are given up
    std::set<base::Digest> asked_;
    std::map<base::Digest, std::shared_ptr<runtime::Executable>> compiled_;  // of stages that are here
};

}  // namespace shoal::test
