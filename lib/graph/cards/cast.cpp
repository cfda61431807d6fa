// cast: out[i] = (element) in[i], to any element type.
//   attributes: to (ElementType number)
//   float -> integer truncates toward zero and saturates; float -> narrower float rounds to nearest even; integer ->
//   narrower integer keeps the low bits, but to a nibble saturates; anything -> boolean is "not zero".
#include <cmath>
#include <limits>

#include "graph/cards.hpp"
#include "graph/cards/support.hpp"

namespace shoal::graph {
namespace {

std::vector<Type> infer(const Signature& s) {
    const auto to = s.attrs.integer("to");
    if (to < 1 || to > tensor::kElementTypeCount) refuse("cast: element type ", to);
    return {{static_cast<ElementType>(to), s.in(0).shape}};
}

std::vector<SplitAxis> splits(const Signature& s) {
    return axis_splits(s.out().shape);
}

Shard shard(const Signature& s, const SplitAxis& split, std::int64_t begin, std::int64_t end) {
    return {s.attrs, {{split.output_axes[0], begin, end}}};
}

template <class To>
To from_real(double value) {
    if constexpr (std::is_same_v<To, tensor::Bool>) {
        return tensor::Bool{static_cast<std::uint8_t>(value != 0)};
    } else if constexpr (std::is_integral_v<To>) {
        if (std::isnan(value)) return To{};
        if (value <= static_cast<double>(std::numeric_limits<To>::lowest())) return std::numeric_limits<To>::lowest();
        if (value >= static_cast<double>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
        return static_cast<To>(value);
    } else if constexpr (std::is_same_v<To, double>) {
        return value;
    } else {
        return To(static_cast<float>(value));
    }
}

template <class To>
To from_whole(std::int64_t value) {
    if constexpr (std::is_integral_v<To>)
        return static_cast<To>(value);
    else
        return from_real<To>(static_cast<double>(value));
}

void evaluate(const Signature& s, std::span<const Tensor* const> inputs, std::span<Tensor> outputs) {
    const Tensor& from = *inputs[0];
    const ElementType to = s.out().element;
    if (tensor::is_nibble(to)) {
        auto values = tensor::to_doubles(from);
        for (double& value : values)
            value = std::trunc(value);
        outputs[0] = tensor::from_doubles(to, from.shape(), values);
        return;
    }
    const bool real = tensor::is_floating(from.element());
    const bool large = from.element() == ElementType::u64 && (tensor::is_floating(to));
    tensor::with_type(to, [&](auto zero) {
        using To = decltype(zero);
        const auto target = outputs[0].edit_as<To>();
        for (std::size_t i = 0; i < target.size(); ++i) {
            const auto index = static_cast<std::int64_t>(i);
            target[i] = real || large ? from_real<To>(tensor::element_as_double(from, index))
                                      : from_whole<To>(tensor::element_as_int(from, index));
        }
    });
}

}  // namespace

namespace cards {
const Card cast{
    .name = "cast",
    .min_inputs = 1,
    .max_inputs = 1,
    .attributes = {{"to", "i"}},
    .infer = infer,
    .flops = one_flop_each,
    .bytes = nullptr,
    .splits = splits,
    .shard = shard,
    .evaluate = evaluate,
};
}  // namespace cards

}  // namespace shoal::graph
