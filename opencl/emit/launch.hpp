// A graph as kernels to launch: what the emitters make and the executable runs. Plain values; no OpenCL objects.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "opencl/codegen/epilogue.hpp"
#include "opencl/codegen/print_loops.hpp"

namespace shoal::opencl {

/// A constant in the order in which a kernel reads it, made once when the graph is loaded.
struct WeightArgument {
    std::size_t number;  ///< index into Emission::weights
    bool operator==(const WeightArgument&) const = default;
};
/// Scratch memory of one kernel group.
struct WorkspaceArgument {
    std::size_t number;  ///< index into GroupCode::workspaces
    bool operator==(const WorkspaceArgument&) const = default;
};
/// A buffer of zeros, at least Emission::zeros_bytes long.
struct ZerosArgument {
    bool operator==(const ZerosArgument&) const = default;
};

using LaunchArgument =
    std::variant<BufferArgument, NumberArgument, ScalarArgument, WeightArgument, WorkspaceArgument, ZerosArgument>;

/// A step that a library takes (opencl/blas.hpp), among the kernels: c = a * b in f32, `batches` times, all contiguous.
struct BlasProduct {
    bool transposed;  ///< b is [columns, inner], else [inner, columns]
    std::int64_t rows, columns, inner, batches;
};

struct Launch {
    std::string kernel;
    std::vector<LaunchArgument> arguments;  ///< of a BlasProduct: a, b, c
    std::array<std::size_t, 3> global{1, 1, 1}, local{1, 1, 1};
    std::optional<BlasProduct> blas{};
};

struct Weight {
    std::uint64_t bytes = 0;
    ValueId source = graph::kNoValue;
    Launch setup{};  ///< writes the weight (its WeightArgument) from the source constant (a BufferArgument)
};

/// A piece of Emission::text or ::setup_text.
struct TextPart {
    std::size_t from = 0, size = 0;
};

/// One kernel group: what to launch, in order.
struct GroupCode {
    graph::GroupRange range{0, 0};
    std::vector<Launch> launches;
    std::vector<std::uint64_t> workspaces;  ///< bytes
    std::vector<ValueId> stored;            ///< values that the launches write, there or in a concatenation
    std::string kernel;                     ///< the main kernel, for reports
    std::string variant{};                  ///< what was asked for, "" the usual way
    std::vector<TextPart> parts{};          ///< of Emission::text: all that its launches need, in order
};

struct Emission {
    std::string text;                             ///< OpenCL C of all kernels that a run launches, each once
    std::string setup_text;                       ///< and of those that bring weights into order
    std::map<std::string, TextPart> setup_parts;  ///< each kernel's own part of that, by its entry point
    std::vector<GroupCode> groups;
    std::vector<Weight> weights;
    std::map<ValueId, ValueId> aliases;       ///< values that are another's bytes under a new shape
    std::map<ValueId, ValueId> concatenated;  ///< values that exist only as columns of another
    std::uint64_t zeros_bytes = 0;
    bool uses_f64 = false;
};

}  // namespace shoal::opencl
