// The card of a core operator: all that the system knows about it, in one place.
//
// A card is a constant; there is one file per card in graph/cards/, and the build makes the list of cards
// (graph/cards.hpp) from those files. What a card says is used by everybody: the builder and the validator infer
// types from it, the planner takes its cost, the splitter its shards, the host backend and every test its reference.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/attrs.hpp"
#include "tensor/tensor.hpp"

namespace shoal::graph {

using tensor::ElementType;
using tensor::Shape;
using tensor::Tensor;
using tensor::Type;

/// What a card's rules see of an operator.
struct Signature {
    const Attrs& attrs;
    std::vector<const Type*> inputs;   ///< nullptr where an optional input is left out
    std::vector<const Type*> outputs;  ///< empty while types are being inferred

    [[nodiscard]] const Type& in(std::size_t i) const { return *inputs[i]; }
    [[nodiscard]] const Type& out(std::size_t i = 0) const { return *outputs[i]; }
    [[nodiscard]] bool has(std::size_t i) const { return i < inputs.size() && inputs[i] != nullptr; }
};

/// What running an operator once takes; the roofline for what has not been measured.
struct Cost {
    double flops = 0;
    double bytes_read = 0;
    double bytes_written = 0;

    Cost& operator+=(const Cost& other) {
        flops += other.flops;
        bytes_read += other.bytes_read;
        bytes_written += other.bytes_written;
        return *this;
    }
};

/// How the results of shards become the whole again.
enum class Merge : std::uint8_t { concat, sum, product, max, min };
std::string_view name(Merge merge) noexcept;

/// One way to divide an operator's work.
struct SplitAxis {
    std::string name;          ///< e.g. "axis 1", "rows", "output channels", "inner"
    std::int64_t extent = 0;   ///< units of work; a shard takes a range [begin, end) of them
    std::int64_t granule = 1;  ///< ranges begin and end at multiples of this (or at extent)
    Merge merge = Merge::concat;
    std::vector<int>
        output_axes{};  ///< for concat: along which axis of each output; its units are the output's extents
};

/// The part of an input that a shard needs.
struct InputSlice {
    int axis = -1;  ///< -1: all of it
    std::int64_t begin = 0, end = 0;

    static InputSlice whole() { return {}; }
    bool operator==(const InputSlice&) const = default;
};

/// A shard of an operator: the same operator with these attributes, on these parts of its inputs.
struct Shard {
    Attrs attrs;
    std::vector<InputSlice> inputs;
};

struct Card {
    std::string_view name;
    /// Inputs that must be there, and the most there may be (-1: any number).
    int min_inputs, max_inputs;
    /// Attribute names, each with a kind: "i" integer, "f" real, "s" text, "I" integers, "F" reals; '?' = may be
    /// absent.
    std::vector<std::pair<std::string_view, std::string_view>> attributes;
    /// Output types from attributes and input types. Throws invalid_model with both sides named when they disagree.
    std::vector<Type> (*infer)(const Signature&);
    /// Floating-point (or integer) operations; bytes are those of inputs and outputs unless `bytes` says otherwise.
    double (*flops)(const Signature&);
    /// Optional (nullptr: all inputs are read once, all outputs written once).
    Cost (*bytes)(const Signature&);
    /// Every axis along which the operator can be divided, possibly none.
    std::vector<SplitAxis> (*splits)(const Signature&);
    /// The shard [begin, end) of `split`, one of splits(signature).
    Shard (*shard)(const Signature&, const SplitAxis& split, std::int64_t begin, std::int64_t end);
    /// The reference: plain loops, accumulating in double (integers exactly). `outputs` are allocated and zero.
    void (*evaluate)(const Signature&, std::span<const Tensor* const> inputs, std::span<Tensor> outputs);

    /// True for pure movement (reshape, transpose, slice, ...): no arithmetic, elements only change place.
    bool movement = false;
};

/// The card of that name, or nullptr.
[[nodiscard]] const Card* find_card(std::string_view name) noexcept;
[[nodiscard]] std::span<const Card* const> all_cards() noexcept;

[[nodiscard]] Cost cost(const Card& card, const Signature& signature);

}  // namespace shoal::graph
