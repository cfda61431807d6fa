#include "opencl/emit/emitter.hpp"

#include <algorithm>
#include <bit>
#include <iterator>
#include <limits>

#include "base/checked.hpp"
#include "base/digest.hpp"
#include "graph/attention.hpp"
#include "graph/cards.hpp"
#include "graph/liveness.hpp"
#include "graph/planar_convolution.hpp"
#include "opencl/codegen/text.hpp"
#include "opencl/kernel_table.hpp"

namespace shoal::opencl {

using base::text;
namespace cards = graph::cards;

namespace {

// Work-items that share a row: enough for a long one, few enough that several groups fit a compute unit.
int team_size(const device::DeviceInfo& device) {
    constexpr std::uint32_t kTeam = 128;
    constexpr std::uint64_t kLargestValue = 8, kTypes = 6;  // that a kernel's reductions may be of, at most
    const auto team = std::bit_floor(std::clamp<std::uint32_t>(device.largest_group, 1, kTeam));
    const bool fits = device.local_bytes >= kTypes * kLargestValue * team;
    return fits ? static_cast<int>(team) : 1;
}

// AVX-512, AArch64 and RISC-V have 32; SSE, AVX2 and the NEON of 32-bit ARM have 16. A CPU's device is the CPU that
// this code was compiled for.
int vector_registers([[maybe_unused]] int lanes) {
#if defined(__aarch64__) || defined(__riscv)
    return 32;
#else
    return lanes == 16 ? 32 : 16;
#endif
}

}  // namespace

Style style_for(const device::DeviceInfo& device) {
    const auto kernels = device::kernel_class(device);
    Style out;
    out.wide_simd = kernels == device::KernelClass::wide_simd;
    out.gpu = kernels == device::KernelClass::gpu;
    out.compute_units = device.compute_units;
    out.blas = out.gpu && device.blas;
    out.blas_first = out.blas && device.kind == device::Kind::gpu;  // on a CPU never without a measurement
    out.largest_group = device.largest_group;
    out.local_bytes = device.local_bytes;
    if (out.wide_simd || (!out.gpu && device.kind == device::Kind::cpu)) {
        out.dialect.lanes = out.wide_simd ? std::clamp(device.f32_vector_width, 4, 16) : 1;
        out.vector_registers = vector_registers(out.dialect.lanes);
        out.tile_rows = out.vector_registers == 16 ? 6 : 8;
        out.tile_vectors = 2;
        // Measured on Sapphire Rapids: fewer loads a multiply-add make 8 to 30 % there; on Zen 5 they make none.
        if (out.dialect.lanes == 16 && device.vendor.find("Intel") != std::string::npos) {
            out.tile_rows = 6;
            out.tile_vectors = 4;
            // With 2 MiB of its own a core holds two of these, the one in use and the next: with panels of 1.2 MB
            // convolutions of 512 channels ran a quarter slower than with 0.6 MB.
            out.largest_panel = std::int64_t{768} << 10;
        }
    } else {
        out.dialect.one_per_item = true;
        out.dialect.local_size =
            static_cast<int>(std::min<std::uint32_t>(64, std::max<std::uint32_t>(device.largest_group, 1)));
    }
    if (out.gpu) out.dialect.team = team_size(device);
    out.compact_weights = device.compact_weights;
    return out;
}

Emitter::Emitter(const Graph& graph, Style style) : graph_(graph), style_(style) {
    out_.text = std::string(kernel_text("prelude")) + "\n";
    parts_ = {{0, out_.text.size()}};
}

std::string Emitter::instantiate(std::string_view name, const Defines& defines) {
    std::string set, unset;
    for (const auto& [macro, value] : defines) {
        set += text("#define ", macro, ' ', value, '\n');
        unset += text("#undef ", macro.substr(0, macro.find('(')), '\n');
    }
    const std::string entry = text(name, '_', base::Digest::of(set).hex().substr(0, 12));
    add_text(entry, text("#define KERNEL ", entry, '\n', set, kernel_text(name), "\n#undef KERNEL\n", unset));
    return entry;
}

std::string Emitter::instantiate_setup(std::string_view name) {
    const std::string entry = text(name, "_setup");
    if (out_.setup_parts.count(entry) == 0) {
        const std::string own = text("#define KERNEL ", entry, '\n', kernel_text(name), "\n#undef KERNEL\n");
        out_.setup_parts[entry] = {out_.setup_text.size(), own.size()};
        out_.setup_text += own;
    }
    return entry;
}

void Emitter::add_text(const std::string& name, const std::string& text) {
    const auto [at, fresh] = texts_.try_emplace(name, TextPart{out_.text.size(), text.size()});
    if (fresh) out_.text += text;
    const TextPart own = at->second;
    const auto known = [&](const TextPart& part) { return part.from == own.from; };
    if (std::none_of(parts_.begin(), parts_.end(), known)) parts_.push_back(own);
}

std::size_t Emitter::add_weight(ValueId constant, std::uint64_t bytes, const std::string& key, Launch setup) {
    const auto [at, fresh] = weight_numbers_.try_emplace({constant, key}, out_.weights.size());
    if (fresh) {
        setup.arguments.insert(setup.arguments.begin(), {BufferArgument{constant, false}, WeightArgument{at->second}});
        out_.weights.push_back({bytes, constant, std::move(setup)});
    }
    return at->second;
}

Destination Emitter::store(ValueId value) {
    const auto at = destinations_.find(value);
    if (at == destinations_.end()) return {value, 0, shape(value).back()};
    out_.concatenated[value] = at->second.value;
    return at->second;
}

void Emitter::add_group(GroupCode code) {
    if (code.launches.empty()) return;  // a concatenation that has all its parts
    std::vector<Launch> launches;
    for (Launch& launch : code.launches) {
        std::vector<Launch> packing;
        for (LaunchArgument& argument : launch.arguments) {
            const auto* buffer = std::get_if<BufferArgument>(&argument);
            if (buffer == nullptr || !buffer->written || !tensor::is_nibble(element(buffer->value))) continue;
            const std::int64_t count = shape(buffer->value).count();
            const WorkspaceArgument apart{code.workspaces.size()};
            code.workspaces.push_back(static_cast<std::uint64_t>(count));
            const std::string pack =
                instantiate("pack_nibbles", {{"LOCAL", std::to_string(style_.dialect.local_size)}});
            packing.push_back(flat_launch(style_, pack, {apart, *buffer, NumberArgument{count}}, (count + 1) / 2));
            argument = apart;
        }
        launches.push_back(std::move(launch));
        std::move(packing.begin(), packing.end(), std::back_inserter(launches));
    }
    code.launches = std::move(launches);
    code.parts = parts_;
    code.variant = variant_;
    out_.groups.push_back(std::move(code));
}

Emission Emitter::finish() && {
    return std::move(out_);
}

std::string load_macro(ElementType element) {
    return load(element, "(p)", "(i)", 1);
}

std::string store_macro(ElementType element, int lanes) {
    return store(element, "(at)", "0", "(value)", lanes);
}

Launch flat_launch(const Style& style, std::string kernel, std::vector<LaunchArgument> arguments, std::int64_t items) {
    const auto local = static_cast<std::size_t>(style.dialect.local_size);
    return {std::move(kernel),
            std::move(arguments),
            {base::round_up(static_cast<std::size_t>(items), local), 1, 1},
            {local, 1, 1}};
}

bool is_f32_product(const Emitter& emitter, const Op& op) {
    return emitter.element(op.inputs[0]) == ElementType::f32 && emitter.element(op.inputs[1]) == ElementType::f32 &&
           emitter.shape(op.inputs[0]).count() > 0 && emitter.shape(op.inputs[1]).count() > 0;
}

LaunchArgument launch_argument(const Argument& argument) {
    return std::visit([](const auto& own) -> LaunchArgument { return own; }, argument);
}

std::optional<BoundEpilogue> bind_epilogue(Emitter& emitter, graph::GroupRange range, ValueId given, ValueId output,
                                           int lanes) {
    const auto trace = trace_epilogue(emitter.graph(), range, given, output);
    if (!trace) return std::nullopt;
    const Epilogue epilogue = print_epilogue(emitter.graph(), *trace, emitter.element(given), lanes);
    emitter.add_text(epilogue.one_name, epilogue.functions);
    BoundEpilogue out{{}, {}, output};
    const auto call = [&](const std::string& name) { return text(name, "(given, row, column", epilogue.names, ")"); };
    out.defines = {{"EPILOGUE_PARAMETERS", epilogue.parameters},
                   {"EPILOGUE_ONE(given, row, column)", call(epilogue.one_name)},
                   {"OUT", storage_name(epilogue.element)},
                   {"STORE_ONE(at, value)", store_macro(epilogue.element, 1)}};
    if (lanes > 1) {
        out.defines.emplace_back("EPILOGUE_LANES(given, row, column)", call(epilogue.lanes_name));
        out.defines.emplace_back("STORE_LANES(at, value)", store_macro(epilogue.element, lanes));
    }
    for (const Argument& argument : epilogue.arguments)
        out.arguments.push_back(launch_argument(argument));
    return out;
}

namespace {

// The value whose bytes a lone movement operator merely shows under another shape, or kNoValue.
ValueId aliased(const Graph& graph, const Op& op) {
    if (op.is(cards::reshape)) return op.inputs[0];
    if (op.is(cards::expand) && graph.type(op.inputs[0]).shape.count() == graph.type(op.outputs[0]).shape.count())
        return op.inputs[0];
    if (!op.is(cards::transpose)) return graph::kNoValue;
    std::int64_t previous = -1;
    for (const auto axis : op.attrs.ints("perm")) {
        if (graph.type(op.inputs[0]).shape[static_cast<int>(axis)] == 1) continue;
        if (axis < previous) return graph::kNoValue;
        previous = axis;
    }
    return op.inputs[0];
}

std::vector<ValueId> results(const Graph& graph, graph::GroupRange range, const std::vector<bool>& kept) {
    std::vector<ValueId> out;
    for (std::uint32_t i = range.first; i < range.last; ++i) {
        for (const auto id : graph.ops[i].outputs) {
            if (kept[id]) out.push_back(id);
        }
    }
    return out;
}

bool is_empty(const Graph& graph, const std::vector<ValueId>& values) {
    return std::all_of(values.begin(), values.end(), [&](ValueId id) { return graph.type(id).shape.count() == 0; });
}

std::optional<GroupCode> emit_range(Emitter& emitter, graph::GroupRange range, const std::vector<ValueId>& outputs) {
    const Op& first = emitter.graph().ops[range.first];
    if (first.is(cards::conv)) return emit_conv(emitter, range, outputs);
    if (graph::attention_of(emitter.graph(), range)) return emit_attention(emitter, range, outputs);
    if (first.is(cards::matmul)) return emit_matmul(emitter, range, outputs);
    if (first.is(cards::pool)) return emit_pool(emitter, range, outputs);
    if (graph::planar_convolution_of(emitter.graph(), range)) return emit_planar(emitter, range, outputs);
    if (auto loops = emit_loops(emitter, range, outputs)) return loops;
    return range.last - range.first == 1 ? emit_single(emitter, range, outputs) : std::nullopt;
}

// A lone movement operator that moves nothing needs no kernel.
bool emit_alias(Emitter& emitter, graph::GroupRange range) {
    const Op& op = emitter.graph().ops[range.first];
    const ValueId source = range.last - range.first == 1 ? aliased(emitter.graph(), op) : graph::kNoValue;
    if (source == graph::kNoValue) return false;
    emitter.set_alias(op.outputs[0], source);
    return true;
}

// Operators that cannot be one kernel after all: each by itself, its results stored for the next.
void emit_one_by_one(Emitter& emitter, graph::GroupRange range) {
    const Graph& graph = emitter.graph();
    for (std::uint32_t i = range.first; i < range.last; ++i) {
        const Op& op = graph.ops[i];
        if (emit_alias(emitter, {i, i + 1}) || is_empty(graph, op.outputs)) continue;
        emitter.begin_group();
        auto code = emit_range(emitter, {i, i + 1}, op.outputs);
        if (!code)
            base::fail(base::Code::unsupported, "operator '", op.name, "' (", op.card->name, " ",
                       graph.type(op.outputs[0]), ") has no kernel");
        emitter.add_group(std::move(*code));
    }
}

// Where the kernels end that a group without one of its own becomes: scores, softmax and product of an attention; the
// movement before a convolution, and the convolution; nothing where it is operator by operator.
std::vector<std::uint32_t> parts_of(const Graph& graph, graph::GroupRange range) {
    if (const auto attention = graph::attention_of(graph, range)) {
        auto scored = range.first;
        while (graph.ops[scored].outputs[0] != attention->biased)
            ++scored;
        return {scored + 1, attention->product, range.last};
    }
    if (const auto planar = graph::planar_convolution_of(graph, range)) return {planar->conv, range.last};
    return {};
}

void emit_in_parts(Emitter& emitter, graph::GroupRange range, const std::vector<ValueId>& outputs,
                   const std::string& variant) {
    const Graph& graph = emitter.graph();
    const auto parts = parts_of(graph, range);
    const bool ends_there = outputs.size() == 1 && outputs[0] == graph.ops[range.last - 1].outputs[0];
    if (parts.empty() || !ends_there) return emit_one_by_one(emitter, range);
    std::uint32_t first = range.first;
    for (const auto last : parts) {
        const graph::GroupRange part{first, last};
        first = last;
        if (emit_alias(emitter, part) || is_empty(graph, graph.ops[last - 1].outputs)) continue;
        emitter.begin_group(graph.ops[part.first].is(cards::conv) ? variant : "");
        if (auto code = emit_range(emitter, part, {graph.ops[last - 1].outputs[0]}))
            emitter.add_group(std::move(*code));
        else
            emit_one_by_one(emitter, part);
    }
}

}  // namespace

std::vector<std::string> variants(const Graph& graph, graph::GroupRange range, const device::DeviceInfo& device) {
    const Emitter emitter(graph, style_for(device));
    const Op& first = graph.ops[range.first];
    if (first.is(cards::conv)) return conv_variants(emitter, first);
    if (graph::attention_of(graph, range)) return attention_variants(emitter, range);
    if (first.is(cards::matmul)) return matmul_variants(emitter, first);
    return planar_variants(emitter, range);
}

Emission emit(const Graph& graph, const device::DeviceInfo& device, const std::vector<std::string>& variants,
              Parts parts) {
    Emitter emitter(graph, style_for(device));
    if (parts == Parts::in_place) emitter.set_destinations(destinations(graph));
    for (const auto& value : graph.values) {
        if (value.type.shape.count() > std::numeric_limits<std::int32_t>::max())
            base::fail(base::Code::unsupported, "value '", value.name, "' is ", value.type, ", ",
                       value.type.shape.count(), " elements; kernels count to ",
                       std::numeric_limits<std::int32_t>::max());
        if (value.type.element != ElementType::f64) continue;
        if (!device.fp64)
            base::fail(base::Code::unsupported, "value '", value.name, "' is f64, which device '", device.name,
                       "' does not compute");
        emitter.need_f64();
    }
    const auto kept = graph::materialised(graph);
    const auto groups = graph::groups(graph);
    for (std::size_t g = 0; g < groups.size(); ++g) {
        const auto range = groups[g];
        if (emit_alias(emitter, range)) continue;
        const auto outputs = results(graph, range, kept);
        if (is_empty(graph, outputs)) continue;
        const std::string variant = g < variants.size() ? variants[g] : "";
        emitter.begin_group(variant);
        if (auto code = emit_range(emitter, range, outputs))
            emitter.add_group(std::move(*code));
        else
            emit_in_parts(emitter, range, outputs, variant);
    }
    return std::move(emitter).finish();
}

}  // namespace shoal::opencl
