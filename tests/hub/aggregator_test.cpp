#include "hub/aggregator.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/compare.hpp"
#include "support/errors.hpp"
#include "support/random.hpp"

using namespace shoal;
using tensor::ElementType;
using tensor::Shape;
using tensor::Tensor;

namespace {

using Tensors = std::vector<Tensor>;

Tensors random_parts(std::mt19937& random, ElementType element, const Shape& shape, std::size_t count) {
    Tensors out;
    const bool floating = tensor::is_floating(element);
    while (out.size() < count)
        out.push_back(test::random_tensor(random, {element, shape}, floating ? -3 : 0, floating ? 3 : 6));
    return out;
}

// The index of the highest of n scores from `at`, by definition.
std::size_t winner(const std::vector<double>& scores, std::size_t at, std::size_t n) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < n; ++i) {
        if (scores[at + i] > scores[at + best]) best = i;
    }
    return best;
}

constexpr ElementType kTypes[] = {ElementType::f32, ElementType::f16, ElementType::bf16, ElementType::f64,
                                  ElementType::i8,  ElementType::u8,  ElementType::i32,  ElementType::i64};

// What one rounding to the type may be off by.
test::Tolerance tolerance(ElementType type) {
    switch (type) {
        case ElementType::f64: return {1e-12, 1e-12};
        case ElementType::f16: return {1e-3, 1e-6};
        case ElementType::bf16: return {8e-3, 1e-6};
        default: return {1e-6, 1e-7};
    }
}

}  // namespace

TEST_CASE("Parts are joined along axis 0") {
    auto random = test::generator();
    for (const auto type : kTypes) {
        Tensors parts;
        std::vector<double> want;
        for (const std::int64_t rows : {3, 0, 1, 13}) {
            parts.push_back(test::random_tensor(random, {type, {rows, 5, 2}}, 0, 6));
            const auto own = tensor::to_doubles(parts.back());
            want.insert(want.end(), own.begin(), own.end());
        }
        const Tensor joined = hub::concatenate(parts);
        CHECK(joined.shape() == Shape{17, 5, 2});
        CHECK(tensor::to_doubles(joined) == want);
    }
    const Tensor one = test::random_tensor(random, {ElementType::f32, {}});
    CHECK(hub::concatenate({&one, 1}).bytes().data() == one.bytes().data());
}

TEST_CASE("Sums and weighted means agree with sums in double") {
    auto random = test::generator();
    const std::vector<double> weights{0.5, 2, 0, 1.5};
    for (const auto type : kTypes) {
        CAPTURE(tensor::name(type));
        for (const Shape& shape : {Shape{}, Shape{0, 3}, Shape{13}, Shape{3, 127}}) {
            const auto parts = random_parts(random, type, shape, 4);
            std::vector<double> sum(static_cast<std::size_t>(shape.count())), mean(sum), plain(sum);
            for (std::size_t p = 0; p < parts.size(); ++p) {
                const auto own = tensor::to_doubles(parts[p]);
                for (std::size_t i = 0; i < own.size(); ++i) {
                    sum[i] += own[i];
                    mean[i] += own[i] * weights[p] / 4;
                    plain[i] += own[i] / 4;
                }
            }
            CHECK(test::difference(hub::sum(parts), tensor::from_doubles(type, shape, sum), tolerance(type)) == "");
            CHECK(test::difference(hub::weighted_mean(parts, weights), tensor::from_doubles(type, shape, mean),
                                   tolerance(type)) == "");
            CHECK(test::difference(hub::weighted_mean(parts), tensor::from_doubles(type, shape, plain),
                                   tolerance(type)) == "");
        }
    }
}

TEST_CASE("Large integers are summed exactly and wrap") {
    const Tensors parts{Tensor::of<std::int64_t>({2}, {(1LL << 60) + 1, std::numeric_limits<std::int64_t>::max()}),
                        Tensor::of<std::int64_t>({2}, {2, 1})};
    const Tensor sum = hub::sum(parts);
    CHECK(sum.as<std::int64_t>()[0] == (1LL << 60) + 3);
    CHECK(sum.as<std::int64_t>()[1] == std::numeric_limits<std::int64_t>::min());
}

TEST_CASE("The class that most parts rank first wins, ties go to the lowest") {
    auto random = test::generator();
    for (const auto type : kTypes) {
        for (const std::size_t classes : {1U, 3U, 13U}) {
            const auto parts = random_parts(random, type, {7, static_cast<std::int64_t>(classes)}, 5);
            const Tensor vote = hub::majority_vote(parts);
            REQUIRE(vote.type() == tensor::Type{ElementType::f32, parts[0].shape()});
            for (std::size_t row = 0; row < 7; ++row) {
                std::vector<int> votes(classes);
                for (const auto& part : parts)
                    ++votes[winner(tensor::to_doubles(part), row * classes, classes)];
                std::size_t best = 0;
                for (std::size_t c = 1; c < classes; ++c)
                    best = votes[c] > votes[best] ? c : best;
                for (std::size_t c = 0; c < classes; ++c)
                    CHECK(vote.as<float>()[row * classes + c] == (c == best ? 1.0F : 0.0F));
            }
        }
    }
    const Tensors tied{Tensor::of<float>({3}, {0, 0, 1}), Tensor::of<float>({3}, {0, 1, 0})};
    CHECK(tensor::to_ints(hub::majority_vote(tied)) == std::vector<std::int64_t>{0, 1, 0});
    const Tensors broken{Tensor::of<float>({3}, {NAN, 0, -1})};
    CHECK(tensor::to_ints(hub::majority_vote(broken)) == std::vector<std::int64_t>{0, 1, 0});
}

TEST_CASE("Each row is that of the part whose best class scores highest") {
    auto random = test::generator();
    for (const auto type : kTypes) {
        const auto parts = random_parts(random, type, {9, 4}, 3);
        std::vector<double> want;
        for (std::size_t row = 0; row < 9; ++row) {
            std::size_t best = 0;
            const auto top = [&](std::size_t p) {
                const auto all = tensor::to_doubles(parts[p]);
                return all[row * 4 + winner(all, row * 4, 4)];
            };
            for (std::size_t p = 1; p < 3; ++p)
                best = top(p) > top(best) ? p : best;
            const auto chosen = tensor::to_doubles(parts[best]);
            want.insert(want.end(), chosen.begin() + static_cast<std::ptrdiff_t>(row * 4),
                        chosen.begin() + static_cast<std::ptrdiff_t>(row * 4 + 4));
        }
        CHECK(tensor::to_doubles(hub::best_score(parts)) == want);
    }
    const Tensors broken{Tensor::of<float>({2}, {NAN, NAN}), Tensor::of<float>({2}, {-5, -6})};
    CHECK(hub::best_score(broken).as<float>()[0] == -5);
}

TEST_CASE("The mean of softmaxes agrees with its definition") {
    auto random = test::generator();
    const std::vector<double> weights{1, 3};
    for (const auto type : kTypes) {
        const auto parts = random_parts(random, type, {5, 2, 7}, 2);
        std::vector<double> want(70);
        for (std::size_t p = 0; p < 2; ++p) {
            const auto own = tensor::to_doubles(parts[p]);
            for (std::size_t row = 0; row < 10; ++row) {
                double total = 0;
                for (std::size_t c = 0; c < 7; ++c)
                    total += std::exp(own[row * 7 + c]);
                for (std::size_t c = 0; c < 7; ++c)
                    want[row * 7 + c] += weights[p] / 4 * std::exp(own[row * 7 + c]) / total;
            }
        }
        const auto result = tensor::is_floating(type) ? type : ElementType::f32;
        CHECK(test::difference(hub::mean_of_softmax(parts, weights), tensor::from_doubles(result, {5, 2, 7}, want),
                               tolerance(result)) == "");
    }
    constexpr float kInf = std::numeric_limits<float>::infinity();
    const Tensors extreme{Tensor::of<float>({2, 3}, {1e30F, 0, -1e30F, kInf, kInf, 0})};
    CHECK(tensor::to_doubles(hub::mean_of_softmax(extreme)) == std::vector<double>{1, 0, 0, 0.5, 0.5, 0});
}

TEST_CASE("Rows without classes and results without rows are merged to nothing") {
    const Tensors none{Tensor({ElementType::f32, {3, 0}}), Tensor({ElementType::f32, {3, 0}})};
    for (const auto merge : {plan::Merge::sum, plan::Merge::weighted_mean, plan::Merge::majority_vote,
                             plan::Merge::best_score, plan::Merge::mean_of_softmax})
        CHECK(hub::merge(merge, none).count() == 0);
}

TEST_CASE("Results that do not belong together are refused with both types") {
    const auto error = [](plan::Merge merge, const Tensors& parts, const std::vector<double>& weights = {}) {
        return test::error_of([&] { (void)hub::merge(merge, parts, weights); });
    };
    const Tensor a({ElementType::f32, {2, 3}}), b({ElementType::f32, {2, 4}}), c({ElementType::f16, {2, 3}});
    for (const auto merge : {plan::Merge::sum, plan::Merge::weighted_mean, plan::Merge::majority_vote,
                             plan::Merge::best_score, plan::Merge::mean_of_softmax, plan::Merge::concatenate}) {
        CHECK(test::says(error(merge, {a, b}), "f32[2, 4]"));
        CHECK(test::says(error(merge, {a, c}), "f16[2, 3]"));
        CHECK(test::says(error(merge, {}), "no results"));
    }
    CHECK(test::says(error(plan::Merge::hand_over, {a, a}), "handing over 2"));
    CHECK(test::says(error(plan::Merge::weighted_mean, {a, a}, {1}), "1 weights for 2"));
    CHECK(test::says(error(plan::Merge::weighted_mean, {a, a}, {1, -1}), "-1"));
    CHECK(test::says(error(plan::Merge::weighted_mean, {a, a}, {0, 0}), "sum 0"));
    CHECK(test::says(error(plan::Merge::mean_of_softmax, {a, a}, {NAN, 1}), "finite"));
    const Tensor nibbles({ElementType::i4, {1, 3}});
    CHECK(test::says(error(plan::Merge::concatenate, {nibbles, nibbles}), "half a byte"));
    const std::vector<Tensors> unlike{{a}, {a, a}};
    CHECK(test::code_of([&] { (void)hub::merge_outputs(plan::Merge::sum, unlike); }) == base::Code::invalid_argument);
}
