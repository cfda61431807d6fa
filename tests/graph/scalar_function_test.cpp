#include "graph/scalar_function.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "graph/builder.hpp"
#include "graph/cards.hpp"

using namespace shoal;
using graph::Builder;
using tensor::Tensor;

namespace {

constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();

std::int64_t of(const char* name, std::int64_t a, std::int64_t b = 0) {
    return graph::find_scalar_function(name)->whole(a, b, 0, 0, 0);
}

std::vector<std::int64_t> folded(Builder& b, graph::ValueId id) {
    REQUIRE(b.is_constant(id));
    return tensor::to_ints(b.value_of(id));
}

using List = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("integers wrap around") {
    CHECK(of("add", kMost, 1) == kLeast);
    CHECK(of("sub", kLeast, 1) == kMost);
    CHECK(of("mul", kMost, 2) == -2);
    CHECK(of("neg", kLeast) == kLeast);
    CHECK(of("prelu", kLeast, 3) == kLeast);
    CHECK(of("int_abs", kLeast) == kLeast);
    CHECK(of("int_div", kLeast, -1) == kLeast);
    CHECK(of("int_rem", kLeast, -1) == 0);
    CHECK(of("int_mod", kLeast, -1) == 0);
    CHECK(of("int_pow", 3, 41) == -420491770248316829);
}

TEST_CASE("sums and products of integers wrap around in the reference loops") {
    Builder b;
    const auto x = b.constant(Tensor::of<std::int64_t>({2, 2}, {kMost, 1, kMost, 2}));
    CHECK(folded(b, b.reduce("sum", x, {1})) == List{kLeast, kLeast + 1});
    CHECK(folded(b, b.reduce("product", x, {1})) == List{kMost, -2});
    CHECK(folded(b, b.matmul(x, x))[0] == kLeast);
    const auto sums =
        b.add(graph::cards::cumulate, {x},
              {{"axis", std::int64_t{1}}, {"exclusive", std::int64_t{0}}, {"reverse", std::int64_t{0}}})[0];
    CHECK(folded(b, sums) == List{kMost, kLeast, kMost, kLeast + 1});
    const auto rows = b.constant(Tensor::of<std::int64_t>({2}, {0, 0}));
    const auto both = b.add(graph::cards::scatter, {x, rows, x}, {{"fn", std::string("add")}})[0];
    CHECK(folded(b, both)[0] == kMost - 2);
}
