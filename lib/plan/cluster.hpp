// What a plan is made for: boards, what their devices take for each kernel, and the links between them. Plain values
// that come from measurement, a JSON file or a test; nothing here knows a socket or a handle.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "device/device.hpp"
#include "device/kernel_table.hpp"

namespace shoal::plan {

/// One direction between two boards. A message of n bytes takes latency_s + n / bytes_per_s, serialising, encryption
/// and waking the receiver included, since that is how it is measured.
struct Link {
    double latency_s = 0;
    double bytes_per_s = 0;  ///< 0: unknown
    /// Links of equal medium share one capacity (a Wi-Fi cell, an uplink); -1: a medium of its own.
    int medium = -1;

    [[nodiscard]] double seconds(double bytes) const noexcept {
        return latency_s + (bytes_per_s > 0 ? bytes / bytes_per_s : 0);
    }
    bool operator==(const Link&) const = default;
};

/// A device of a board on which a stage may be placed.
struct Board {
    std::string name;
    device::DeviceInfo device;
    std::uint64_t memory_bytes = 0;  ///< hard limit: weights, activations and message buffers together
    bool operator==(const Board&) const = default;
};

/// Boards and the links between all of them. End 0 of a link is the hub, end i + 1 is boards[i].
struct Cluster {
    std::vector<Board> boards;
    /// links[from][to], (boards.size() + 1) squared; empty: every link is `default_link`, as thousands of boards need.
    std::vector<std::vector<Link>> links;
    Link default_link{};

    [[nodiscard]] const Link& link(std::size_t from_end, std::size_t to_end) const {
        return links.empty() ? default_link : links.at(from_end).at(to_end);
    }
    [[nodiscard]] const Link& from_hub(std::size_t board) const { return link(0, board + 1); }
    [[nodiscard]] const Link& to_hub(std::size_t board) const { return link(board + 1, 0); }
    [[nodiscard]] const Link& between(std::size_t from, std::size_t to) const { return link(from + 1, to + 1); }
    bool operator==(const Cluster&) const = default;
};

/// Throws invalid_argument naming the board (or both ends of the link) unless the cluster makes sense: names there and
/// unique, some memory, rates and latencies finite and not negative, a link for every pair.
void validate(const Cluster& cluster);

/// Sets both directions between two ends; makes the matrix first when there is none.
void set_link(Cluster& cluster, std::size_t end, std::size_t other_end, const Link& link);

/// "hub", or the board's name.
[[nodiscard]] std::string end_name(const Cluster& cluster, std::size_t end);

using device::KernelCost;

/// Costs of one graph: kernels[board][group], in the order of graph::groups.
using CostTable = std::vector<std::vector<KernelCost>>;

}  // namespace shoal::plan
