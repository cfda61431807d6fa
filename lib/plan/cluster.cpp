#include "plan/cluster.hpp"

#include <cmath>
#include <unordered_set>

#include "base/error.hpp"

namespace shoal::plan {

using base::Code;
using base::fail;

namespace {

void expect_rate(double value, const std::string& who, const char* what) {
    if (!std::isfinite(value) || value < 0)
        fail(Code::invalid_argument, who, ": ", what, " is ", value, "; it must be finite and not negative");
}

void check_board(const Board& board) {
    const std::string who = "board '" + board.name + "'";
    if (board.memory_bytes == 0) fail(Code::invalid_argument, who, " has no memory to plan with");
    expect_rate(board.device.rates.flops_per_s, who, "flops per second");
    expect_rate(board.device.rates.bytes_per_s, who, "bytes per second");
    expect_rate(board.device.rates.launch_s, who, "seconds of a launch");
    expect_rate(board.device.rates.round_trip_s, who, "seconds of a round trip");
}

void check_link(const Link& link, const std::string& who) {
    expect_rate(link.latency_s, who, "latency in seconds");
    expect_rate(link.bytes_per_s, who, "bytes per second");
}

void check_links(const Cluster& cluster) {
    check_link(cluster.default_link, "the default link");
    if (cluster.links.empty()) return;
    const std::size_t ends = cluster.boards.size() + 1;
    if (cluster.links.size() != ends)
        fail(Code::invalid_argument, "links of ", cluster.links.size(), " ends; the hub and ", ends - 1,
             " boards make ", ends);
    for (std::size_t from = 0; from < ends; ++from) {
        if (cluster.links[from].size() != ends)
            fail(Code::invalid_argument, "'", end_name(cluster, from), "' has links to ", cluster.links[from].size(),
                 " ends, not ", ends);
        for (std::size_t to = 0; to < ends; ++to) {
            if (from == to) continue;
            check_link(cluster.links[from][to],
                       base::text("link from '", end_name(cluster, from), "' to '", end_name(cluster, to), "'"));
        }
    }
}

}  // namespace

std::string end_name(const Cluster& cluster, std::size_t end) {
    return end == 0 ? "hub" : cluster.boards.at(end - 1).name;
}

void validate(const Cluster& cluster) {
    if (cluster.boards.empty()) fail(Code::unavailable, "the cluster has no board");
    std::unordered_set<std::string> names;
    for (std::size_t i = 0; i < cluster.boards.size(); ++i) {
        const Board& board = cluster.boards[i];
        if (board.name.empty()) fail(Code::invalid_argument, "board ", i, " has no name");
        if (!names.insert(board.name).second)
            fail(Code::invalid_argument, "two boards are named '", board.name, "'; names must differ");
        check_board(board);
    }
    check_links(cluster);
}

void set_link(Cluster& cluster, std::size_t end, std::size_t other_end, const Link& link) {
    const std::size_t ends = cluster.boards.size() + 1;
    if (cluster.links.empty()) cluster.links.assign(ends, std::vector<Link>(ends, cluster.default_link));
    cluster.links.at(end).at(other_end) = link;
    cluster.links.at(other_end).at(end) = link;
}

}  // namespace shoal::plan
