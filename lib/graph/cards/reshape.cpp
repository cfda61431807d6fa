// reshape: the same elements in the same order under another shape.
//   attributes: shape (every extent a number; its count is the input's)
#include <algorithm>
#include <cstring>
#include <optional>

#include "graph/cards.hpp"
#include "graph/cards/support.hpp"

namespace shoal::graph {
namespace {

std::vector<Type> infer(const Signature& s) {
    Shape shape(s.attrs.ints("shape"));
    if (shape.count() != s.in(0).shape.count()) refuse("reshape: ", s.in(0), " to ", shape, ": element counts differ");
    return {{s.in(0).element, std::move(shape)}};
}

// How output axis `axis` lies in the input: the input axis with the same elements before it, and how many units of one
// axis are a unit of the other. Where neither divides the other, a range of one is no range of the other.
struct Alignment {
    int input_axis;
    std::int64_t input_per_output, output_per_input;  // one of them is 1
};

std::optional<Alignment> align(const Shape& in, const Shape& out, int axis) {
    const std::int64_t before = out.count(0, axis);
    std::int64_t passed = 1;
    for (int j = 0; j < in.rank(); passed *= in[j], ++j) {
        if (passed != before || in[j] == 1) continue;
        const std::int64_t inner_in = in.count(j + 1, in.rank()), inner_out = out.count(axis + 1, out.rank());
        if (inner_in == 0 || inner_out == 0) return std::nullopt;
        if (inner_out % inner_in == 0) return Alignment{j, inner_out / inner_in, 1};
        if (inner_in % inner_out == 0) return Alignment{j, 1, inner_in / inner_out};
        return std::nullopt;
    }
    return std::nullopt;
}

std::vector<SplitAxis> splits(const Signature& s) {
    std::vector<SplitAxis> out;
    for (auto& split : axis_splits(s.out().shape)) {
        const auto aligned = align(s.in(0).shape, s.out().shape, split.output_axes[0]);
        if (!aligned) continue;
        // The range must not reach past the input axis, and a shard's output extent must stay a whole number of units.
        const std::int64_t units =
            s.in(0).shape[aligned->input_axis] * aligned->output_per_input / aligned->input_per_output;
        if (units != split.extent) continue;
        split.granule = aligned->output_per_input;
        out.push_back(split);
    }
    return out;
}

Shard shard(const Signature& s, const SplitAxis& split, std::int64_t begin, std::int64_t end) {
    const int axis = split.output_axes[0];
    const auto aligned = *align(s.in(0).shape, s.out().shape, axis);
    Attrs attrs = s.attrs;
    attrs.set("shape", s.out().shape.with(axis, end - begin).extents());
    const auto to_input = [&](std::int64_t unit) { return unit * aligned.input_per_output / aligned.output_per_input; };
    return {attrs, {{aligned.input_axis, to_input(begin), to_input(end)}}};
}

void evaluate(const Signature& s, std::span<const Tensor* const> inputs, std::span<Tensor> outputs) {
    outputs[0] = inputs[0]->reshaped(s.out().shape);
}

}  // namespace

namespace cards {
const Card reshape{
    .name = "reshape",
    .min_inputs = 1,
    .max_inputs = 1,
    .attributes = {{"shape", "I"}},
    .infer = infer,
    .flops = no_flops,
    .bytes = nullptr,
    .splits = splits,
    .shard = shard,
    .evaluate = evaluate,
    .movement = true,
};
}  // namespace cards

}  // namespace shoal::graph
