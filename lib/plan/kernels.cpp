#include "plan/kernels.hpp"

#include "base/error.hpp"

namespace shoal::plan {
namespace {

constexpr std::uint32_t kMostCards = 4;  // of a kernel that are spelled out

std::string cards(const graph::Graph& graph, const graph::GroupRange& kernel) {
    std::string out;
    for (std::uint32_t i = kernel.first; i < kernel.last && i < kernel.first + kMostCards; ++i)
        out += (out.empty() ? "" : " + ") + std::string(graph.ops[i].card->name);
    if (kernel.last - kernel.first > kMostCards)
        out += base::text(" + ", kernel.last - kernel.first - kMostCards, " more");
    return out;
}

}  // namespace

std::string kernel_name(const graph::Graph& graph, const graph::GroupRange& kernel) {
    for (std::uint32_t i = kernel.first; i < kernel.last; ++i) {
        if (!graph.ops[i].name.empty()) return graph.ops[i].name;
    }
    return cards(graph, kernel);
}

std::string describe_kernel(const graph::Graph& graph, const graph::GroupRange& kernel) {
    const auto made = graph.ops[kernel.last - 1].outputs[0];
    return base::text("'", kernel_name(graph, kernel), "' (", cards(graph, kernel), ", ", graph.type(made), ")");
}

}  // namespace shoal::plan
