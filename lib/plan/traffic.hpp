// A flow on a cluster as the simulator walks it: stages, routes and splits numbered, and for every message which wires
// it keeps busy for how long.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "plan/flow.hpp"

namespace shoal::plan {

/// Something that carries one message at a time: a link, a network interface in or out, a medium.
struct WireUse {
    std::uint32_t resource = 0;
    double seconds = 0;
};

struct TrafficHop {
    double wire_s = 0, latency_s = 0, back_latency_s = 0;
    std::vector<WireUse> uses;
};

struct TrafficStage {
    std::uint32_t board = 0;  ///< index into Traffic::boards
    std::uint32_t route = 0;
    bool first = false, last = false;
    double compute_s = 0;
    TrafficHop in;    ///< from the stage before, or the hub
    TrafficHop home;  ///< of the last stage: to the hub
};

/// A pipeline: consecutive stages.
struct TrafficRoute {
    std::uint32_t first_stage = 0, stages = 0;
};

struct TrafficPart {
    std::uint32_t route = ~std::uint32_t{0};  ///< or:
    std::uint32_t split = ~std::uint32_t{0};
};

struct TrafficSplit {
    bool deals = false;  ///< one child a request, by share; otherwise every child
    std::vector<TrafficPart> children;
    std::vector<double> shares;
};

struct TrafficBoard {
    std::uint32_t board = 0;  ///< index into Cluster::boards
    std::vector<std::uint32_t> stages;
};

class Traffic {
public:
    Traffic(const Flow& flow, const Cluster& cluster, std::uint32_t credits_);

    /// Index into `boards`; ~0 for a board that the flow does not use.
    [[nodiscard]] std::uint32_t board_index(std::uint32_t board) const;
    /// Requests under way that keep every stage and every wire of every route busy.
    [[nodiscard]] std::uint64_t natural_flight() const;

    std::uint32_t credits;
    std::size_t cluster_boards;
    std::vector<TrafficStage> stages;
    std::vector<TrafficRoute> routes;
    std::vector<TrafficSplit> splits;
    std::vector<TrafficBoard> boards;
    TrafficPart root;
    std::uint32_t resources = 0;

private:
    TrafficPart add(const Flow& flow);
    TrafficHop hop(std::size_t from, std::size_t to, std::uint64_t bytes);
    [[nodiscard]] std::uint32_t resource(std::uint64_t key);
    void measure(const Flow& flow);

    const Cluster& cluster_;
    std::unordered_map<std::uint32_t, std::uint32_t> board_index_;
    std::unordered_map<std::uint64_t, std::uint32_t> resource_;
    std::vector<double> out_rate_, in_rate_;  // of every end: its fastest link in use
};

}  // namespace shoal::plan
