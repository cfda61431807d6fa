#include "opencl/program_set.hpp"

#include <algorithm>
#include <map>

namespace shoal::opencl {
namespace {

using base::text;

constexpr const char* kSetupOptions = "-cl-mad-enable";

bool uses_f64(const Graph& graph, graph::GroupRange range) {
    const auto wide = [&](ValueId id) {
        return id != graph::kNoValue && graph.type(id).element == tensor::ElementType::f64;
    };
    return std::any_of(graph.ops.begin() + range.first, graph.ops.begin() + range.last, [&](const graph::Op& op) {
        return std::any_of(op.inputs.begin(), op.inputs.end(), wide) ||
               std::any_of(op.outputs.begin(), op.outputs.end(), wide);
    });
}

// "contract_f32_simd: conv '/layer1/conv1/Conv' + map '/relu/Relu'"
std::string group_name(const Graph& graph, const GroupCode& group) {
    std::string out = group.kernel;
    for (auto i = group.range.first; i < group.range.last; ++i) {
        const auto& op = graph.ops[i];
        out += text(i == group.range.first ? ": " : " + ", op.card->name);
        if (!op.name.empty()) out += text(" '", op.name, "'");
        if (i - group.range.first == 3 && group.range.last - i > 2) return out + " + ...";
    }
    return out;
}

std::string joined(const std::string& whole, const std::vector<TextPart>& parts) {
    std::string out;
    for (const auto& part : parts)
        out += whole.substr(part.from, part.size);
    return out;
}

}  // namespace

std::string build_options(bool uses_f64) {
    return std::string("-cl-mad-enable") + (uses_f64 ? " -DSHOAL_FP64" : "");
}

std::vector<ProgramSource> run_sources(const Graph& graph, const Emission& emission) {
    std::vector<ProgramSource> out;
    for (const auto& group : emission.groups) {
        out.push_back({group_name(graph, group), joined(emission.text, group.parts),
                       build_options(uses_f64(graph, group.range)), graph.name});
    }
    return out;
}

std::vector<ProgramSource> setup_sources(const Graph& graph, const Emission& emission) {
    std::vector<ProgramSource> out;
    for (const auto& weight : emission.weights) {
        const auto& kernel = weight.setup.kernel;
        out.push_back(
            {kernel, joined(emission.setup_text, {emission.setup_parts.at(kernel)}), kSetupOptions, graph.name});
    }
    return out;
}

std::vector<cl_program> ProgramSet::each() const {
    std::vector<cl_program> out;
    for (const auto number : numbers_)
        out.push_back(programs_[number].program.get());
    return out;
}

ProgramSet build_apart(OpenDevice& device, const std::vector<ProgramSource>& sources) {
    ProgramSet out;
    std::map<std::pair<std::string_view, std::string_view>, std::size_t> known;
    for (const auto& source : sources) {
        const auto [at, fresh] = known.try_emplace({source.text, source.options}, out.programs_.size());
        if (fresh) out.programs_.push_back(device.programs().build(source));
        out.numbers_.push_back(at->second);
    }
    return out;
}

ProgramSet build_one(OpenDevice& device, const ProgramSource& source, std::size_t count) {
    ProgramSet out;
    out.programs_.push_back(device.programs().build(source));
    out.numbers_.assign(count, 0);
    return out;
}

ProgramSet run_programs(OpenDevice& device, const Graph& graph, const Emission& emission) {
    if (device.has_programs_apart()) return build_apart(device, run_sources(graph, emission));
    return build_one(device, {graph.name, emission.text, build_options(emission.uses_f64), graph.name},
                     emission.groups.size());
}

ProgramSet setup_programs(OpenDevice& device, const Graph& graph, const Emission& emission) {
    if (device.has_programs_apart()) return build_apart(device, setup_sources(graph, emission));
    return build_one(device, {"pack weights", emission.setup_text, kSetupOptions, graph.name}, emission.weights.size());
}

}  // namespace shoal::opencl
