// map: out[i] = fn(in0[i], in1[i], in2[i]; p, q), element by element, inputs broadcast to the output as NumPy does.
//   attributes: fn (a row of scalar_function.cpp), p and q (its parameters, 0 when absent)
//   Floats are computed in double here and in the wider of f32 and their own type on devices; integers wrap.
#include "graph/cards.hpp"
#include "graph/cards/support.hpp"
#include "graph/scalar_function.hpp"

namespace shoal::graph {
namespace {

using Result = ScalarFunction::Result;

const ScalarFunction& function_of(const Signature& s) {
    const auto* row = find_scalar_function(s.attrs.text("fn"));
    if (row == nullptr) refuse("map: no scalar function '", s.attrs.text("fn"), "'");
    return *row;
}

std::vector<Type> infer(const Signature& s) {
    const auto& fn = function_of(s);
    if (static_cast<int>(s.inputs.size()) != fn.arity)
        refuse("map ", fn.name, ": takes ", fn.arity, " inputs, got ", s.inputs.size());
    const std::size_t first = fn.result == Result::chosen ? 1 : 0;
    if (first == 1 && s.in(0).element != ElementType::boolean)
        refuse("map ", fn.name, ": input 0 is ", s.in(0), ", must be bool");
    Shape shape;
    for (std::size_t i = 0; i < s.inputs.size(); ++i) {
        shape = tensor::broadcast(shape, s.in(i).shape);
        if (i < first) continue;
        if (!accepts(fn.domain, s.in(i).element))
            refuse("map ", fn.name, ": not defined for input ", i, " of type ", s.in(i));
        if (s.in(i).element != s.in(first).element) {
            refuse("map ", fn.name, ": input ", i, " is ", s.in(i), ", input ", first, " is ", s.in(first),
                   "; element types must agree");
        }
        if (tensor::is_nibble(s.in(i).element)) refuse("map ", fn.name, ": nibbles must be cast to a wider type first");
    }
    return {{fn.result == Result::boolean ? ElementType::boolean : s.in(first).element, std::move(shape)}};
}

double flops(const Signature& s) {
    return function_of(s).flops * static_cast<double>(s.out().shape.count());
}

std::vector<SplitAxis> splits(const Signature& s) {
    return axis_splits(s.out().shape);
}

Shard shard(const Signature& s, const SplitAxis& split, std::int64_t begin, std::int64_t end) {
    Shard out{s.attrs, {}};
    for (const Type* input : s.inputs) {
        out.inputs.push_back(broadcast_slice(input->shape, s.out().shape, split.output_axes[0], begin, end));
    }
    return out;
}

// Reads any stored element as the type in which a row computes.
template <class Compute, class Stored>
Compute widened(Stored value) {
    if constexpr (std::is_same_v<Stored, tensor::Half> || std::is_same_v<Stored, tensor::BFloat>) {
        return static_cast<Compute>(static_cast<float>(value));
    } else if constexpr (std::is_same_v<Stored, tensor::Bool>) {
        return static_cast<Compute>(value.value != 0);
    } else {
        return static_cast<Compute>(value);
    }
}

template <class Stored, class Compute>
Stored narrowed(Compute value) {
    if constexpr (std::is_same_v<Stored, tensor::Half> || std::is_same_v<Stored, tensor::BFloat>) {
        return Stored(static_cast<float>(value));
    } else if constexpr (std::is_same_v<Stored, tensor::Bool>) {
        return tensor::Bool{static_cast<std::uint8_t>(value != Compute{})};
    } else {
        return static_cast<Stored>(value);
    }
}

template <class Compute>
std::vector<Compute> read_all(const Tensor& tensor) {
    std::vector<Compute> out(static_cast<std::size_t>(tensor.count()));
    tensor::with_type(tensor.element(), [&](auto zero) {
        using Stored = decltype(zero);
        const auto from = tensor.as<Stored>();
        for (std::size_t i = 0; i < out.size(); ++i)
            out[i] = widened<Compute>(from[i]);
    });
    return out;
}

template <class Compute, class Function>
void apply(Function function, const Signature& s, std::span<const Tensor* const> inputs, Tensor& output) {
    const double p = s.attrs.real("p", 0), q = s.attrs.real("q", 0);
    std::vector<Compute> operands[3];
    Ints steps[3];
    for (std::size_t i = 0; i < 3; ++i) {
        operands[i] = i < inputs.size() ? read_all<Compute>(*inputs[i]) : std::vector<Compute>(1);
        steps[i] = tensor::broadcast_strides(i < inputs.size() ? inputs[i]->shape() : Shape{}, output.shape());
    }
    tensor::with_type(output.element(), [&](auto zero) {
        using Stored = decltype(zero);
        auto target = output.edit_as<Stored>().begin();
        const auto at = [](const std::vector<Compute>& from, std::int64_t index) {
            return from[static_cast<std::size_t>(index)];
        };
        for_each_index(output.shape(), [&](const Ints& i) {
            *target++ = narrowed<Stored>(function(at(operands[0], dot(i, steps[0])), at(operands[1], dot(i, steps[1])),
                                                  at(operands[2], dot(i, steps[2])), p, q));
        });
    });
}

void evaluate(const Signature& s, std::span<const Tensor* const> inputs, std::span<Tensor> outputs) {
    const auto& fn = function_of(s);
    const ElementType computed = s.in(fn.result == Result::chosen ? 1 : 0).element;
    if (tensor::is_floating(computed)) {
        apply<double>(fn.real, s, inputs, outputs[0]);
    } else if (computed == ElementType::u64) {
        apply<std::uint64_t>(fn.natural, s, inputs, outputs[0]);
    } else {
        apply<std::int64_t>(fn.whole, s, inputs, outputs[0]);
    }
}

}  // namespace

namespace cards {
const Card map{
    .name = "map",
    .min_inputs = 1,
    .max_inputs = 3,
    .attributes = {{"fn", "s"}, {"p", "f?"}, {"q", "f?"}},
    .infer = infer,
    .flops = flops,
    .bytes = nullptr,
    .splits = splits,
    .shard = shard,
    .evaluate = evaluate,
};
}  // namespace cards

}  // namespace shoal::graph
