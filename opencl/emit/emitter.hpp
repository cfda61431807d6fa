// What the emitters of the operator families share: the program text under construction and the graph.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "device/device.hpp"
#include "graph/graph.hpp"
#include "opencl/emit/concatenation.hpp"
#include "opencl/emit/launch.hpp"

namespace shoal::opencl {

using graph::Op;

/// How kernels are written for a device.
struct Style {
    Dialect dialect;
    bool wide_simd = false;  ///< a CPU: explicit vectors, one work-item a tile
    bool gpu = false;        ///< work-groups share tiles in local memory
    int compute_units = 1;
    bool blas = false;                    ///< a library may take matrix products
    bool blas_first = false;              ///< and does until something was measured to be faster
    std::uint32_t largest_group = 1;      ///< work-items of a work-group
    std::uint64_t local_bytes = 0;        ///< local memory of a work-group
    int tile_rows = 1, tile_vectors = 1;  ///< the usual register tile
    int vector_registers = 16;
    bool compact_weights = false;  ///< no algorithm that needs more memory for weights than the model has
    std::int64_t largest_panel = 0;  ///< bytes of a panel that many row tiles read; 0: any
};
[[nodiscard]] Style style_for(const device::DeviceInfo& device);

using Defines = std::vector<std::pair<std::string, std::string>>;

class Emitter {
public:
    Emitter(const Graph& graph, Style style);

    [[nodiscard]] const Graph& graph() const noexcept { return graph_; }
    [[nodiscard]] const Style& style() const noexcept { return style_; }
    [[nodiscard]] const tensor::Type& type(ValueId id) const { return graph_.type(id); }
    [[nodiscard]] const Shape& shape(ValueId id) const { return graph_.type(id).shape; }
    [[nodiscard]] ElementType element(ValueId id) const { return graph_.type(id).element; }

    /// Adds a kernel template (opencl/kernels/NAME.cl) with these macros, once; returns the entry point's name.
    std::string instantiate(std::string_view name, const Defines& defines);
    /// The same for a kernel that only brings weights into order, which has a program of its own.
    std::string instantiate_setup(std::string_view name);
    /// Adds text once, under the name that is its own.
    void add_text(const std::string& name, const std::string& text);
    /// Registers a constant to be brought into a kernel's order at load time; the same packing of the same constant
    /// once. `setup` writes WeightArgument{returned number}.
    std::size_t add_weight(ValueId constant, std::uint64_t bytes, const std::string& key, Launch setup);
    void need_zeros(std::uint64_t bytes) { out_.zeros_bytes = std::max(out_.zeros_bytes, bytes); }
    void need_f64() { out_.uses_f64 = true; }
    void set_alias(ValueId value, ValueId of) { out_.aliases[value] = of; }
    void set_destinations(std::map<ValueId, Destination> places) { destinations_ = std::move(places); }
    /// Where the launches of a kernel that is about to be added store `value`: in a concatenation that would otherwise
    /// have to copy it, or in the value itself.
    [[nodiscard]] Destination store(ValueId value);
    /// Whether a concatenation has this part already.
    [[nodiscard]] bool is_stored_in_concatenation(ValueId part) const { return out_.concatenated.count(part) != 0; }
    /// What is added between these two belongs to the group, also where an earlier one has added it already. `variant`:
    /// how it is wanted, one of variants(); where it cannot be, or for "", it is made the usual way.
    void begin_group(std::string variant = {}) {
        parts_.resize(1);
        variant_ = std::move(variant);
    }
    [[nodiscard]] const std::string& variant() const noexcept { return variant_; }
    /// Where a launch writes 4-bit elements they go to scratch memory, a byte each, and are packed from there.
    void add_group(GroupCode code);

    [[nodiscard]] Emission finish() &&;

private:
    const Graph& graph_;
    Style style_;
    Emission out_;
    std::map<ValueId, Destination> destinations_;
    std::map<std::string, TextPart> texts_;
    std::string variant_;          // of the group in the making
    std::vector<TextPart> parts_;  // of the group in the making; the first is the prelude
    std::map<std::pair<ValueId, std::string>, std::size_t> weight_numbers_;
};

/// The storage-dependent macros of a kernel: how elements of a type are read and written.
[[nodiscard]] std::string load_macro(ElementType element);              ///< of (p, i)
[[nodiscard]] std::string store_macro(ElementType element, int lanes);  ///< of (at, value), a statement

/// True when both operands of a contraction are f32 and there is something to multiply.
[[nodiscard]] bool is_f32_product(const Emitter& emitter, const Op& op);

/// A launch over `items` work-items in groups of the style's local size.
[[nodiscard]] Launch flat_launch(const Style& style, std::string kernel, std::vector<LaunchArgument> arguments,
                                 std::int64_t items);

/// A kernel argument of codegen as one of a launch.
[[nodiscard]] LaunchArgument launch_argument(const Argument& argument);

/// What an epilogue adds to a template: its functions are added to the program, its macros returned.
struct BoundEpilogue {
    Defines defines;
    std::vector<LaunchArgument> arguments;
    ValueId value;  ///< what is stored
};
/// The chain from `given` to `output` for a kernel that computes given in `compute` lanes. Nothing when it cannot be.
[[nodiscard]] std::optional<BoundEpilogue> bind_epilogue(Emitter& emitter, graph::GroupRange range, ValueId given,
                                                         ValueId output, int lanes);

// The families. Each emits operators [range), whose results `outputs` are needed, or returns nothing when it cannot.
[[nodiscard]] std::optional<GroupCode> emit_loops(Emitter&, graph::GroupRange, const std::vector<ValueId>& outputs);
[[nodiscard]] std::optional<GroupCode> emit_conv(Emitter&, graph::GroupRange, const std::vector<ValueId>& outputs);
/// A whole attention (graph/attention.hpp) as one kernel, by which scores and weights never reach memory.
[[nodiscard]] std::optional<GroupCode> emit_attention(Emitter&, graph::GroupRange, const std::vector<ValueId>& outputs);
/// A convolution of few channels with the movement before it (graph/planar_convolution.hpp) as one kernel that reads planes.
[[nodiscard]] std::optional<GroupCode> emit_planar(Emitter&, graph::GroupRange, const std::vector<ValueId>& outputs);
[[nodiscard]] std::optional<GroupCode> emit_matmul(Emitter&, graph::GroupRange, const std::vector<ValueId>& outputs);
[[nodiscard]] std::optional<GroupCode> emit_pool(Emitter&, graph::GroupRange, const std::vector<ValueId>& outputs);
/// arg_reduce, cumulate, topk, scatter, recurrent: one operator alone.
[[nodiscard]] std::optional<GroupCode> emit_single(Emitter&, graph::GroupRange, const std::vector<ValueId>& outputs);

/// What becomes of a concatenation's parts: stored where it lies, by kernels that can, which makes it live from its first
/// part on; or copied there.
enum class Parts : std::uint8_t { in_place, copied };
/// The whole graph; `variants` may name one for each kernel group. Throws unsupported naming the operator when the
/// device cannot run it.
[[nodiscard]] Emission emit(const Graph& graph, const device::DeviceInfo& device,
                            const std::vector<std::string>& variants = {}, Parts parts = Parts::in_place);

/// The way of a kernel group that has a kernel of its own, and is to run as several all the same.
inline constexpr const char* kParts = "parts";

/// The ways in which a kernel group can be computed on a device, the usual one first; none where there is only one.
[[nodiscard]] std::vector<std::string> variants(const Graph& graph, graph::GroupRange range,
                                                const device::DeviceInfo& device);
/// Of the families that have several; `emitter` is only asked.
[[nodiscard]] std::vector<std::string> conv_variants(const Emitter& emitter, const Op& op);
[[nodiscard]] std::vector<std::string> attention_variants(const Emitter& emitter, graph::GroupRange range);
[[nodiscard]] std::vector<std::string> planar_variants(const Emitter& emitter, graph::GroupRange range);
[[nodiscard]] std::vector<std::string> matmul_variants(const Emitter& emitter, const Op& op);

}  // namespace shoal::opencl
