// One of every message, every field filled with something of its own: what round trips, prefixes, bit flips and the
// fuzzer's first inputs are made of. Also how two messages are compared.
#pragma once

#include <random>
#include <string>
#include <variant>
#include <vector>

#include "support/samples.hpp"
#include "wire/decode.hpp"

namespace shoal::test {

enum class Direction { hub_from_board, board_from_hub, board_from_board, hub_from_client, client_from_hub };
inline constexpr int kDirections = 5;

/// Decodes and encodes again; throws what the decoder throws.
[[nodiscard]] wire::Frames recoded(Direction direction, const wire::Frames& frames);

struct EncodedMessage {
    std::string name;
    Direction direction;  ///< one of those in which it may be said
    wire::Frames frames;
};
/// One of every kind, some of them several times.
[[nodiscard]] std::vector<EncodedMessage> every_message(std::mt19937& random);

/// Stages that say everything a graph can say: one of each sample operator with addressed constants besides.
[[nodiscard]] graph::Graph graph_with_constants(std::mt19937& random);
/// All graphs of samples.hpp.
[[nodiscard]] std::vector<graph::Graph> sample_graphs();

[[nodiscard]] device::DeviceInfo some_device(std::mt19937& random);
[[nodiscard]] plan::Plan some_plan(std::mt19937& random);
[[nodiscard]] plan::Cluster some_cluster(std::mt19937& random);
[[nodiscard]] wire::Deploy some_deploy(std::mt19937& random, graph::Graph graph);
[[nodiscard]] wire::Status some_status(std::mt19937& random);

// Equality of what has no operator== of its own.
[[nodiscard]] bool same(const tensor::Tensor& a, const tensor::Tensor& b);
[[nodiscard]] bool same(const graph::Graph& a, const graph::Graph& b);
[[nodiscard]] bool same(const wire::Part& a, const wire::Part& b);
[[nodiscard]] bool same(const wire::Model& a, const wire::Model& b);

template <class Item>
[[nodiscard]] bool same_list(const std::vector<Item>& a, const std::vector<Item>& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (!same(a[i], b[i])) return false;
    }
    return true;
}

}  // namespace shoal::test
