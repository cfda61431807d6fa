// Attention with a state of fixed size: the recurrence written out on numbers that can be checked by hand.
#include <doctest/doctest.h>

#include "support/compare.hpp"
#include "support/errors.hpp"
#include "support/model_maker.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

constexpr std::int64_t kOne = 1;

void check(const Tensor& got, const Tensor& want) {
    const auto difference = test::difference(got, want, {1e-6, 1e-6});
    CHECK_MESSAGE(difference.empty(), difference);
}

std::vector<Tensor> linear(const std::string& rule, const std::vector<Tensor>& inputs, std::int64_t heads = 1) {
    return run_op("LinearAttention", inputs,
                  {{"update_rule", rule}, {"q_num_heads", heads}, {"kv_num_heads", kOne}, {"scale", 1.0}}, 2, 27);
}

// A decay of exp(-log 2).
Tensor halving(std::int64_t tokens) {
    return tensor::from_doubles(ElementType::f32, Shape{1, tokens, 1},
                                std::vector<double>(static_cast<std::size_t>(tokens), -0.69314718055994531));
}

}  // namespace

TEST_CASE("each token's key and value stay in the state, and decay") {
    const Tensor q = floats({1, 2, 1}, {1, 1}), k = floats({1, 2, 1}, {1, 2}), v = floats({1, 2, 2}, {3, 4, 5, 6});
    const auto kept = linear("linear", {q, k, v});
    check(kept[0], floats({1, 2, 2}, {3, 4, 13, 16}));
    check(kept[1], floats({1, 1, 1, 2}, {13, 16}));
    const auto decayed = linear("gated", {q, k, v, floats({1, 1, 1, 2}, {8, 0}), halving(2)});
    check(decayed[0], floats({1, 2, 2}, {7, 4, 13.5, 14}));
}

TEST_CASE("the delta rules write the difference to what the key already finds") {
    const Tensor q = floats({1, 2, 1}, {1, 1}), k = floats({1, 2, 1}, {1, 1}), v = floats({1, 2, 1}, {4, 10});
    const Tensor beta = floats({1, 2, 1}, {1, 0.5});
    check(linear("delta", {q, k, v, left_out(), left_out(), beta})[0], floats({1, 2, 1}, {4, 7}));
    // 4, then half of it, then half the way to 10.
    check(linear("gated_delta", {q, k, v, left_out(), halving(2), beta})[0], floats({1, 2, 1}, {4, 6}));
}

TEST_CASE("query heads share the state of their key head") {
    const Tensor q = floats({1, 1, 2}, {1, 10}), k = floats({1, 1, 1}, {2}), v = floats({1, 1, 1}, {3});
    check(linear("linear", {q, k, v}, 2)[0], floats({1, 1, 2}, {6, 60}));
}

TEST_CASE("what a convolution with state needs next is what it saw last") {
    const Tensor x = floats({1, 1, 3}, {1, 2, 3}), w = floats({1, 1, 3}, {100, 10, 1});
    const auto first = run_op("CausalConvWithState", {x, w}, {}, 2, 27);
    check(first[0], floats({1, 1, 3}, {1, 12, 123}));
    check(first[1], floats({1, 1, 2}, {2, 3}));
    const auto next =
        run_op("CausalConvWithState", {floats({1, 1, 1}, {4}), w, floats({1}, {0.5}), first[1]}, {}, 2, 27);
    check(next[0], floats({1, 1, 1}, {234.5}));
    check(next[1], floats({1, 1, 2}, {3, 4}));
    CHECK(says(error_of([&] {
                   (void)run_op("CausalConvWithState", {x, w, left_out(), x}, {}, 2, 27);
               }),
               "past_state is f32[1, 1, 3], must be [1, 1, 2]"));
}
