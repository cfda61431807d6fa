#include "plan/traffic.hpp"

#include <algorithm>
#include <limits>

namespace shoal::plan {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Rates that are not known do not limit.
double rate_of(const Link& link) {
    return link.bytes_per_s > 0 ? link.bytes_per_s : kInfinity;
}

}  // namespace

Traffic::Traffic(const Flow& flow, const Cluster& cluster, std::uint32_t credits_)
    : credits(credits_),
      cluster_boards(cluster.boards.size()),
      cluster_(cluster),
      out_rate_(cluster.boards.size() + 1, 0),
      in_rate_(cluster.boards.size() + 1, 0) {
    measure(flow);
    root = add(flow);
}

std::uint32_t Traffic::board_index(std::uint32_t board) const {
    const auto at = board_index_.find(board);
    return at == board_index_.end() ? ~std::uint32_t{0} : at->second;
}

std::uint64_t Traffic::natural_flight() const {
    std::uint64_t out = 0;
    for (const TrafficRoute& route : routes)
        out += std::uint64_t{2} * credits * route.stages + 2;
    return out;
}

void Traffic::measure(const Flow& flow) {
    std::size_t before = 0;
    const auto use = [&](std::size_t from, std::size_t to) {
        const double rate = rate_of(cluster_.link(from, to));
        out_rate_[from] = std::max(out_rate_[from], rate);
        in_rate_[to] = std::max(in_rate_[to], rate);
    };
    for (const FlowStage& stage : flow.stages) {
        use(before, stage.work.board + 1);
        before = stage.work.board + 1;
    }
    if (before != 0) use(before, 0);
    for (const Flow& child : flow.children)
        measure(child);
}

std::uint32_t Traffic::resource(std::uint64_t key) {
    const auto [at, fresh] = resource_.try_emplace(key, resources);
    if (fresh) ++resources;
    return at->second;
}

TrafficHop Traffic::hop(std::size_t from, std::size_t to, std::uint64_t bytes) {
    const Link& link = cluster_.link(from, to);
    const double wire = wire_s(link, bytes), size = static_cast<double>(bytes);
    TrafficHop out{wire, link.latency_s, cluster_.link(to, from).latency_s, {}};
    // Keys: the ends in the low bits, what kind of thing above them.
    const std::uint64_t ends = cluster_boards + 1;
    const auto add_use = [&](std::uint64_t kind, std::uint64_t which, double seconds) {
        out.uses.push_back({resource(kind << 60 | which), seconds});
    };
    add_use(0, from * ends + to, wire);
    add_use(1, from, size / out_rate_[from]);
    add_use(2, to, size / in_rate_[to]);
    if (link.medium >= 0) add_use(3, static_cast<std::uint64_t>(link.medium), wire);
    return out;
}

TrafficPart Traffic::add(const Flow& flow) {
    if (flow.stages.empty()) {
        TrafficSplit split{flow.axis == Axis::requests, {}, flow.shares};
        for (const Flow& child : flow.children)
            split.children.push_back(add(child));
        splits.push_back(std::move(split));
        return {~std::uint32_t{0}, static_cast<std::uint32_t>(splits.size() - 1)};
    }
    const auto route = static_cast<std::uint32_t>(routes.size());
    routes.push_back({static_cast<std::uint32_t>(stages.size()), static_cast<std::uint32_t>(flow.stages.size())});
    std::size_t before = 0;
    for (const FlowStage& stage : flow.stages) {
        const auto [at, fresh] = board_index_.try_emplace(stage.work.board, static_cast<std::uint32_t>(boards.size()));
        if (fresh) boards.push_back({stage.work.board, {}});
        boards[at->second].stages.push_back(static_cast<std::uint32_t>(stages.size()));
        const bool first = before == 0, last = &stage == &flow.stages.back();
        const std::size_t end = stage.work.board + std::size_t{1};
        stages.push_back({at->second, route, first, last, stage.compute_s, hop(before, end, stage.in_bytes),
                          last ? hop(end, 0, stage.out_bytes) : TrafficHop{}});
        before = end;
    }
    return {route, ~std::uint32_t{0}};
}

}  // namespace shoal::plan
