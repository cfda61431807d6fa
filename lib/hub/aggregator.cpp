#include "hub/aggregator.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <type_traits>

#include "base/checked.hpp"

namespace shoal::hub {

using base::Code;
using base::fail;
using tensor::ElementType;
using tensor::Shape;
using tensor::Type;

namespace {

using Parts = std::span<const Tensor>;
using Doubles = std::vector<double>;

void expect_some(Parts parts, const char* what) {
    if (parts.empty()) fail(Code::invalid_argument, what, " of no results at all");
}

void expect_alike(Parts parts, const char* what) {
    expect_some(parts, what);
    for (const Tensor& part : parts) {
        if (part.type() != parts[0].type())
            fail(Code::invalid_argument, what, " of ", parts[0].type(), " and ", part.type(),
                 "; results that are merged must have one type");
    }
}

// Weights of sum 1.
Doubles scaled(std::span<const double> weights, std::size_t count) {
    if (weights.empty()) return Doubles(count, 1.0 / static_cast<double>(count));
    if (weights.size() != count)
        fail(Code::invalid_argument, weights.size(), " weights for ", count, " results; there must be one each");
    double total = 0;
    for (const double weight : weights) {
        if (!std::isfinite(weight) || weight < 0)
            fail(Code::invalid_argument, "a weight is ", weight, "; it must be finite and not negative");
        total += weight;
    }
    if (!(total > 0) || !std::isfinite(total)) fail(Code::invalid_argument, "weights of sum ", total, " weigh nothing");
    Doubles out(weights.begin(), weights.end());
    for (double& weight : out)
        weight /= total;
    return out;
}

// f32 without a detour, everything else by conversion.
Doubles doubles_of(const Tensor& tensor) {
    if (tensor.element() != ElementType::f32) return tensor::to_doubles(tensor);
    const auto values = tensor.as<float>();
    return {values.begin(), values.end()};
}

Tensor tensor_of(const Type& type, const Doubles& values) {
    if (type.element != ElementType::f32) return tensor::from_doubles(type.element, type.shape, values);
    Tensor out(type);
    const auto target = out.edit_as<float>();
    std::transform(values.begin(), values.end(), target.begin(), [](double v) { return static_cast<float>(v); });
    return out;
}

void add_scaled(Doubles& sum, const Doubles& values, double weight) {
    for (std::size_t i = 0; i < sum.size(); ++i)
        sum[i] += weight * values[i];
}

template <class T>
constexpr bool kIsInteger = std::is_integral_v<T>;

// Integers as their type adds: modulo its width.
template <class T>
Tensor sum_integers(Parts parts) {
    using Unsigned = std::make_unsigned_t<T>;
    Tensor out(parts[0].type());
    const auto target = out.edit_as<T>();
    for (const Tensor& part : parts) {
        const auto values = part.as<T>();
        for (std::size_t i = 0; i < values.size(); ++i)
            target[i] = static_cast<T>(
                static_cast<Unsigned>(static_cast<Unsigned>(target[i]) + static_cast<Unsigned>(values[i])));
    }
    return out;
}

// Rows of scores: the last axis is the classes, a scalar is one row of one class.
struct Rows {
    std::size_t rows, classes;
};

Rows rows_of(const Shape& shape) {
    const auto classes = static_cast<std::size_t>(shape.rank() == 0 ? 1 : shape.back());
    const auto count = static_cast<std::size_t>(shape.count());
    return {classes == 0 ? 0 : count / classes, classes};
}

// The first of the largest; numbers before what is none.
std::size_t highest(std::span<const double> scores) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < scores.size(); ++i) {
        if (scores[i] > scores[best] || (std::isnan(scores[best]) && !std::isnan(scores[i]))) best = i;
    }
    return best;
}

void softmax(std::span<double> scores) {
    const double top = scores[highest(scores)];
    double total = 0;
    for (double& score : scores) {
        // Equal infinities share the probability; their difference would be no number.
        score = score == top ? 1.0 : std::exp(score - top);
        total += score;
    }
    for (double& score : scores)
        score /= total;
}

}  // namespace

Tensor concatenate(Parts parts) {
    expect_some(parts, "concatenation");
    if (parts.size() == 1) return parts[0];
    const Type& first = parts[0].type();
    std::int64_t rows = 0;
    for (const Tensor& part : parts) {
        const Type& type = part.type();
        const bool alike = type.element == first.element && type.shape.rank() == first.shape.rank() &&
                           type.shape.rank() > 0 && type.shape.with(0, 0) == first.shape.with(0, 0);
        if (!alike) fail(Code::invalid_argument, "concatenation of ", first, " and ", type, "; only axis 0 may differ");
        rows = base::checked_add(rows, type.shape[0], "rows of a concatenation");
        if (tensor::is_nibble(type.element) && part.count() % 2 != 0)
            fail(Code::unsupported, "concatenation of ", type, ": half a byte cannot be joined");
    }
    Tensor out(Type{first.element, first.shape.with(0, rows)});
    auto rest = out.edit();
    for (const Tensor& part : parts) {
        const auto bytes = part.bytes();
        if (!bytes.empty()) std::memcpy(rest.data(), bytes.data(), bytes.size());
        rest = rest.subspan(bytes.size());
    }
    return out;
}

Tensor sum(Parts parts) {
    expect_alike(parts, "sum");
    const Type& type = parts[0].type();
    if (tensor::is_integer(type.element) && !tensor::is_nibble(type.element)) {
        return tensor::with_type(type.element, [&](auto zero) -> Tensor {
            using T = decltype(zero);
            if constexpr (kIsInteger<T>) return sum_integers<T>(parts);
            base::fail(Code::internal, "integers that are none");
        });
    }
    Doubles total(static_cast<std::size_t>(parts[0].count()), 0.0);
    for (const Tensor& part : parts)
        add_scaled(total, doubles_of(part), 1);
    return tensor_of(type, total);
}

Tensor weighted_mean(Parts parts, std::span<const double> weights) {
    expect_alike(parts, "weighted mean");
    const Doubles scale = scaled(weights, parts.size());
    Doubles mean(static_cast<std::size_t>(parts[0].count()), 0.0);
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (scale[i] > 0) add_scaled(mean, doubles_of(parts[i]), scale[i]);
    }
    return tensor_of(parts[0].type(), mean);
}

Tensor majority_vote(Parts parts) {
    expect_alike(parts, "majority vote");
    const auto [rows, classes] = rows_of(parts[0].shape());
    std::vector<std::uint32_t> votes(rows * classes, 0);
    for (const Tensor& part : parts) {
        const Doubles scores = doubles_of(part);
        for (std::size_t row = 0; row < rows; ++row)
            ++votes[row * classes + highest(std::span(scores).subspan(row * classes, classes))];
    }
    Tensor out(Type{ElementType::f32, parts[0].shape()});
    const auto target = out.edit_as<float>();
    for (std::size_t row = 0; row < rows; ++row) {
        const auto first = votes.begin() + static_cast<std::ptrdiff_t>(row * classes);
        const auto chosen = std::max_element(first, first + static_cast<std::ptrdiff_t>(classes)) - votes.begin();
        target[static_cast<std::size_t>(chosen)] = 1;
    }
    return out;
}

Tensor best_score(Parts parts) {
    expect_alike(parts, "best score");
    const auto [rows, classes] = rows_of(parts[0].shape());
    std::vector<Doubles> scores;
    for (const Tensor& part : parts)
        scores.push_back(doubles_of(part));
    Doubles out(rows * classes);
    Doubles tops(parts.size());
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t i = 0; i < parts.size(); ++i) {
            const auto own = std::span(scores[i]).subspan(row * classes, classes);
            tops[i] = own[highest(own)];
        }
        const auto chosen = std::span(scores[highest(tops)]).subspan(row * classes, classes);
        std::copy(chosen.begin(), chosen.end(), out.begin() + static_cast<std::ptrdiff_t>(row * classes));
    }
    return tensor_of(parts[0].type(), out);
}

Tensor mean_of_softmax(Parts parts, std::span<const double> weights) {
    expect_alike(parts, "mean of softmax");
    const Doubles scale = scaled(weights, parts.size());
    const auto [rows, classes] = rows_of(parts[0].shape());
    Doubles mean(rows * classes, 0.0);
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (!(scale[i] > 0)) continue;
        Doubles scores = doubles_of(parts[i]);
        for (std::size_t row = 0; row < rows; ++row)
            softmax(std::span(scores).subspan(row * classes, classes));
        add_scaled(mean, scores, scale[i]);
    }
    const ElementType own = parts[0].element();
    return tensor_of({tensor::is_floating(own) ? own : ElementType::f32, parts[0].shape()}, mean);
}

Tensor merge(plan::Merge merge, Parts parts, std::span<const double> weights) {
    switch (merge) {
        case plan::Merge::hand_over:
            if (parts.size() != 1)
                fail(Code::invalid_argument, "handing over ", parts.size(), " results; there must be one");
            return parts[0];
        case plan::Merge::concatenate: return concatenate(parts);
        case plan::Merge::sum: return sum(parts);
        case plan::Merge::weighted_mean: return weighted_mean(parts, weights);
        case plan::Merge::majority_vote: return majority_vote(parts);
        case plan::Merge::best_score: return best_score(parts);
        case plan::Merge::mean_of_softmax: return mean_of_softmax(parts, weights);
    }
    fail(Code::invalid_argument, "merge ", static_cast<int>(merge), " is none");
}

std::vector<Tensor> merge_outputs(plan::Merge merge, std::span<const std::vector<Tensor>> children,
                                  std::span<const double> weights) {
    if (children.empty()) fail(Code::invalid_argument, "a merge of no results at all");
    std::vector<Tensor> out;
    for (std::size_t i = 0; i < children[0].size(); ++i) {
        std::vector<Tensor> parts;
        for (const auto& child : children) {
            if (child.size() != children[0].size())
                fail(Code::invalid_argument, "a merge of ", children[0].size(), " outputs with ", child.size(),
                     "; models that answer together must have the same outputs");
            parts.push_back(child[i]);
        }
        out.push_back(hub::merge(merge, parts, weights));
    }
    return out;
}

}  // namespace shoal::hub
