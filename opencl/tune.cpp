#include "opencl/tune.hpp"

#include <algorithm>
#include <map>

#include "base/error.hpp"
#include "base/log.hpp"
#include "graph/cards.hpp"
#include "graph/side_by_side.hpp"
#include "opencl/backend.hpp"
#include "opencl/emit/emitter.hpp"
#include "opencl/executable.hpp"

namespace shoal::opencl {

std::vector<std::string> variants(const runtime::Backend& backend, const graph::Graph& graph,
                                  graph::GroupRange kernel) {
    return variants(graph, kernel, backend.device());
}

namespace {

// Kernels, each behind others that write what it reads: in a network that was written a moment ago, by whichever core.
struct Rehearsal {
    graph::Graph graph;
    std::vector<graph::GroupRange> kernels{};  // their operators, in order
    std::size_t groups = 0;
};

Rehearsal rehearsal_of(graph::Graph kernels) {
    Rehearsal out;
    graph::Graph& graph = out.graph;
    graph.name = kernels.name;
    graph.values = std::move(kernels.values);
    graph.outputs = std::move(kernels.outputs);
    std::map<graph::ValueId, graph::ValueId> given;  // of each input that the kernels had, the one behind it
    for (const auto& port : kernels.inputs) {
        given[port.value] = static_cast<graph::ValueId>(graph.values.size());
        graph.inputs.push_back({port.name, given[port.value]});
        graph.values.push_back({"given " + port.name, graph.type(port.value)});
    }
    for (const auto& [first, last] : graph::groups(kernels)) {
        for (auto i = first; i < last; ++i) {
            for (const auto id : kernels.ops[i].inputs) {
                const auto at = given.find(id);
                if (at == given.end()) continue;
                const auto group = static_cast<std::uint32_t>(out.groups++);
                graph.ops.push_back(
                    {&graph::cards::map, "", {{"fn", std::string("identity")}}, {at->second}, {id}, group});
                given.erase(at);
            }
        }
        const auto from = static_cast<std::uint32_t>(graph.ops.size());
        for (auto i = first; i < last; ++i) {
            graph.ops.push_back(std::move(kernels.ops[i]));
            graph.ops.back().group = static_cast<std::uint32_t>(out.groups);
        }
        out.kernels.push_back({from, from + last - first});
        ++out.groups;
    }
    return out;
}

std::vector<Timed> time_together(runtime::Backend& backend, const graph::Graph& graph, graph::GroupRange kernel,
                                 const std::vector<std::string>& names, int repeat) {
    std::vector<Timed> out;
    // The kernel as often as there are ways, each computed in one of them: one program, and what slows the machine for
    // a while slows all of them.
    auto rehearsal = rehearsal_of(graph::side_by_side(graph, std::vector<graph::GroupRange>(names.size(), kernel)));
    std::vector<std::string> wanted(rehearsal.groups);
    for (std::size_t n = 0; n < names.size(); ++n)
        wanted[rehearsal.graph.ops[rehearsal.kernels[n].first].group] = names[n];
    const auto kernels = rehearsal.kernels;
    const auto executable = make_executable(open_device_of(backend), std::move(rehearsal.graph), std::move(wanted));
    const auto reports = executable->profile(repeat);
    for (std::size_t n = 0; n < names.size(); ++n) {
        device::KernelCost cost{0, 0, 0, true};
        for (const auto& report : reports) {  // one that runs in parts has several
            if (report.ops.empty() || report.ops[0] < kernels[n].first || report.ops[0] >= kernels[n].last) continue;
            cost.seconds += report.seconds;
            cost.weight_bytes += report.weight_bytes;
            cost.workspace_bytes += report.workspace_bytes;
        }
        base::ensure(cost.seconds > 0, "no report of kernel ", names[n]);
        out.push_back({names[n], cost});
    }
    return out;
}

}  // namespace

std::vector<Timed> time_variants(runtime::Backend& backend, const graph::Graph& graph, graph::GroupRange kernel,
                                 int repeat) {
    const auto names = variants(backend, graph, kernel);
    if (names.empty()) return {};
    const auto refused = [](const base::Error& error) {
        return error.code() == base::Code::device || error.code() == base::Code::out_of_memory;
    };
    try {
        return time_together(backend, graph, kernel, names, repeat);
    } catch (const base::Error& error) {
        if (!refused(error)) throw;
    }
    // One of them is what the driver refuses, or all together are too much for it.
    std::vector<Timed> out;
    std::string why;
    for (const auto& name : names) {
        try {
            out.push_back(time_together(backend, graph, kernel, {name}, repeat).front());
        } catch (const base::Error& error) {
            if (!refused(error)) throw;
            base::log_warning("opencl", "device '", backend.device().name, "' does not compute a kernel as ", name,
                              ": ", error.what());
            why = error.what();
        }
    }
    if (out.empty()) base::fail(base::Code::device, "every way of computing it is refused, the last with ", why);
    return out;
}

const Timed& best_of(const std::vector<Timed>& timed) {
    constexpr double kWorthIt = 0.97;  // medians of the same kernel differ by one or two in a hundred
    const auto& fastest = *std::min_element(
        timed.begin(), timed.end(), [](const Timed& a, const Timed& b) { return a.cost.seconds < b.cost.seconds; });
    return fastest.cost.seconds < kWorthIt * timed.front().cost.seconds ? fastest : timed.front();
}

}  // namespace shoal::opencl
