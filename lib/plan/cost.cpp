#include "plan/cost.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/checked.hpp"
#include "graph/liveness.hpp"

namespace shoal::plan {

using graph::Graph;
using graph::GroupRange;
using graph::kNoValue;
using graph::ValueId;

void merge_measurements(MeasuredKernels& known, const MeasuredKernels& newer, double weight) {
    if (!(weight >= 0 && weight <= 1))
        base::fail(base::Code::invalid_argument, "newer measurements count by ", weight, "; it must be 0 to 1");
    for (const auto& [signature, cost] : newer) {
        const auto [at, fresh] = known.emplace(signature, cost);
        if (fresh) continue;
        const double seconds = at->second.seconds + weight * (cost.seconds - at->second.seconds);
        at->second = cost;
        at->second.seconds = seconds;
    }
}

std::vector<std::uint32_t> unmeasured_kernels(const Graph& graph, const MeasuredKernels& known) {
    std::vector<std::uint32_t> out;
    std::set<std::string> seen;
    const auto kernels = graph::groups(graph);
    for (std::uint32_t k = 0; k < kernels.size(); ++k) {
        auto signature = kernel_signature(graph, kernels[k]);
        if (known.count(signature) == 0 && seen.insert(std::move(signature)).second) out.push_back(k);
    }
    return out;
}

namespace {

graph::Cost work_of(const Graph& graph, const GroupRange& kernel, const std::vector<bool>& materialised) {
    graph::Cost total;
    std::set<ValueId> made;
    for (std::uint32_t i = kernel.first; i < kernel.last; ++i) {
        const graph::Op& op = graph.ops[i];
        graph::Cost cost = graph::cost(graph, op);
        for (const auto id : op.inputs) {
            if (id != kNoValue && made.count(id) != 0)
                cost.bytes_read -= static_cast<double>(graph.type(id).size_bytes());
        }
        for (const auto id : op.outputs) {
            made.insert(id);
            if (!materialised[id]) cost.bytes_written -= static_cast<double>(graph.type(id).size_bytes());
        }
        cost.bytes_read = std::max(cost.bytes_read, 0.0);
        cost.bytes_written = std::max(cost.bytes_written, 0.0);
        total += cost;
    }
    return total;
}

// Sizes of the constants that a kernel reads, each once.
std::vector<std::uint64_t> constants_of(const Graph& graph, const GroupRange& kernel) {
    std::set<ValueId> seen;
    std::vector<std::uint64_t> out;
    for (std::uint32_t i = kernel.first; i < kernel.last; ++i) {
        for (const auto id : graph.ops[i].inputs) {
            if (id != kNoValue && graph.is_constant(id) && seen.insert(id).second)
                out.push_back(graph.type(id).size_bytes());
        }
    }
    return out;
}

// As a device keeps them that stores them as they are, each at its alignment.
std::uint64_t stored_bytes(const std::vector<std::uint64_t>& constants, const device::DeviceInfo& device) {
    std::uint64_t out = 0;
    for (const auto bytes : constants)
        out += base::round_up<std::uint64_t>(bytes, std::max<std::uint64_t>(device.buffer_alignment, 1));
    return out;
}

double roofline(const graph::Cost& work, const device::Rates& rates) {
    const double compute = rates.flops_per_s > 0 ? work.flops / rates.flops_per_s : 0;
    const double memory = rates.bytes_per_s > 0 ? (work.bytes_read + work.bytes_written) / rates.bytes_per_s : 0;
    return std::max(compute, memory) + rates.launch_s;
}

double median(std::vector<double> values) {
    if (values.empty()) return 1;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace

graph::Cost kernel_work(const Graph& graph, const GroupRange& kernel) {
    return work_of(graph, kernel, graph::materialised(graph));
}

device::Rates usable_rates(const device::DeviceInfo& device) {
    if (device.rates.measured()) return device.rates;
    // A guess on the careful side: a few per cent of what such a device's data sheet says, so that a board that was
    // never measured is not preferred to one that was.
    const double units = std::max(device.compute_units, 1);
    switch (device.kind) {
        case device::Kind::cpu: return {units * 1e9 * std::max(device.f32_vector_width, 1), 2e9, 1e-5, 5e-5};
        case device::Kind::gpu: return {units * 4e9, 5e9, 2e-5, 2e-4};
        case device::Kind::accelerator:
        case device::Kind::custom: return {units * 1e9, 1e9, 1e-4, 5e-4};
        case device::Kind::host: break;
    }
    return {2e8, 1e9, 1e-6, 1e-6};
}

namespace {

// What a kernel is, whatever the device.
struct Facts {
    std::string signature;
    graph::Cost work;
    std::vector<std::uint64_t> constants;
};

std::vector<Facts> facts_of(const Graph& graph) {
    const auto materialised = graph::materialised(graph);
    std::vector<Facts> out;
    for (const GroupRange& kernel : graph::groups(graph)) {
        out.push_back(
            {kernel_signature(graph, kernel), work_of(graph, kernel, materialised), constants_of(graph, kernel)});
    }
    return out;
}

std::vector<KernelCost> costs_of(const std::vector<Facts>& kernels, const device::DeviceInfo& device,
                                 const MeasuredKernels& measured) {
    const device::Rates rates = usable_rates(device);
    std::vector<KernelCost> out;
    std::vector<double> ratios;
    for (const Facts& kernel : kernels) {
        const double estimate = roofline(kernel.work, rates);
        const auto at = measured.find(kernel.signature);
        if (at == measured.end()) {
            out.push_back({estimate, stored_bytes(kernel.constants, device), 0, false});
            continue;
        }
        out.push_back(at->second);
        out.back().measured = true;
        if (estimate > 0 && at->second.seconds > 0) ratios.push_back(at->second.seconds / estimate);
    }
    const double scale = median(std::move(ratios));
    for (auto& cost : out) {
        if (!cost.measured) cost.seconds *= scale;
    }
    return out;
}

}  // namespace

std::vector<KernelCost> kernel_costs(const Graph& graph, const device::DeviceInfo& device,
                                     const MeasuredKernels& measured) {
    return costs_of(facts_of(graph), device, measured);
}

CostTable cost_table(const Graph& graph, const Cluster& cluster, const std::vector<MeasuredKernels>& measured) {
    if (!measured.empty() && measured.size() != cluster.boards.size())
        base::fail(base::Code::invalid_argument, "measurements of ", measured.size(), " boards for a cluster of ",
                   cluster.boards.size());
    const auto facts = facts_of(graph);
    const MeasuredKernels nothing;
    CostTable out;
    for (std::size_t b = 0; b < cluster.boards.size(); ++b)
        out.push_back(costs_of(facts, cluster.boards[b].device, measured.empty() ? nothing : measured[b]));
    return out;
}

}  // namespace shoal::plan
