// One epoch of a model on the boards: what was sent where, which stages are ready, how much each has room for.
// The hub's thread only.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "hub/layout.hpp"
#include "hub/planning.hpp"
#include "wire/data_messages.hpp"

namespace shoal::hub {

class Deployment {
public:
    Deployment(std::uint64_t number, std::uint32_t epoch, plan::Plan plan, ClusterView view, const OpenSpec& spec);

    struct Stage {
        bool ready = false;
        std::uint32_t credits = 0;  ///< requests that it has room for, if the hub feeds it
        std::uint64_t memory_bytes = 0;
        std::string phase{};  ///< while it is not ready
        wire::StageCounters counters{};
        double mean_compute_s = 0;  ///< of late; 0: not known
        double planned_s = 0;       ///< as the plan says
        double expected_s = 0;      ///< as the plan says, or as was seen when it was last said to be off
        std::uint32_t off = 0;      ///< times in a row that the mean was far from that
        std::uint32_t errors = 0;   ///< one after the other
    };

    [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
    [[nodiscard]] std::uint32_t epoch() const noexcept { return epoch_; }
    [[nodiscard]] const plan::Plan& plan() const noexcept { return plan_; }
    [[nodiscard]] const ClusterView& view() const noexcept { return view_; }
    [[nodiscard]] const Layout& layout() const noexcept { return layout_; }
    [[nodiscard]] const std::vector<Stage>& stages() const noexcept { return stages_; }
    [[nodiscard]] const std::set<std::string>& boards() const noexcept { return boards_; }
    [[nodiscard]] bool uses(const std::string& board) const { return boards_.count(board) != 0; }
    [[nodiscard]] bool ready() const;
    /// Stages that are ready, for people who wait.
    [[nodiscard]] std::size_t ready_stages() const;
    [[nodiscard]] std::set<std::string> unready_boards() const;
    /// When anything was last heard of a stage that is on its way.
    [[nodiscard]] TimePoint progressed() const noexcept { return progressed_; }

    /// Tells every board its stages. False when one of them is not there.
    [[nodiscard]] bool send(Outbox& outbox, const Membership& membership, TimePoint now);

    // What boards say; false when it is not theirs to say.
    bool stage_ready(const std::string& board, const wire::Ready& message, TimePoint now);
    bool progress(const std::string& board, const wire::DeployProgress& message, TimePoint now);
    bool credit(const std::string& board, const wire::Credit& message);
    void counters(const std::string& board, const wire::StageCounters& counters);
    /// How often the stage has failed without a success between.
    std::uint32_t failed(std::uint32_t stage) { return ++stages_[stage].errors; }
    void succeeded(std::uint32_t stage) { stages_[stage].errors = 0; }

    /// True when every stage that the feeds go to has room; take() then uses it up.
    [[nodiscard]] bool has_room(const Dealt& dealt) const;
    void take_room(const Dealt& dealt);
    [[nodiscard]] bool any_room() const;

    /// The longest that the plan expects a stage of that board to compute.
    [[nodiscard]] double longest_stage_s(const std::string& board) const;
    /// A stage of that board has not come back from its first run yet, which may have to compile.
    [[nodiscard]] bool untried(const std::string& board) const;
    /// Requests that keep every stage busy.
    [[nodiscard]] std::uint32_t natural_flight() const;

    /// Devices of that board whose stages have been far from what was expected several times in a row, and how many
    /// times as long as planned they take. Said once; what was seen is expected from then on.
    [[nodiscard]] std::map<Seat, double> off_pace(const std::string& board);
    /// With which scale (Measuring::scale) the plan counted that device's kernels.
    [[nodiscard]] double planned_scale(const Seat& seat) const;

    [[nodiscard]] bool owns(const std::string& board, std::uint32_t epoch, std::uint32_t stage) const;

private:
    std::uint64_t number_;
    std::uint32_t epoch_;
    plan::Plan plan_;
    ClusterView view_;
    Layout layout_;
    std::vector<Stage> stages_;
    std::set<std::string> boards_;
    TimePoint progressed_{};
};

}  // namespace shoal::hub
