// Parts of tensors, against element by element arithmetic.
#include "node/parts.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/compare.hpp"
#include "support/errors.hpp"
#include "support/random.hpp"

using namespace shoal;
using namespace shoal::test;
using graph::InputSlice;
using node::merged;
using node::part_of;
using node::Piece;
using tensor::ElementType;
using tensor::Shape;
using tensor::Tensor;
using tensor::Type;

TEST_CASE("what is cut along any axis and put together again is the same") {
    auto random = generator();
    for (const auto element : {ElementType::f32, ElementType::f16, ElementType::u8, ElementType::i64}) {
        for (int axis = 0; axis < 3; ++axis) {
            const Type type{element, Shape{3, 13, 7}};
            const auto whole = random_tensor(random, type, 0, 100);
            const auto extent = type.shape[axis];
            std::vector<Piece> pieces;
            for (std::int64_t begin = 0; begin < extent;) {
                const auto end = std::min<std::int64_t>(extent, begin + 1 + static_cast<std::int64_t>(random() % 4));
                const InputSlice part{axis, begin, end};
                const auto tensor = part_of(whole, part);
                CHECK(tensor.type() == node::part_type(type, part));
                pieces.push_back({part, tensor});
                begin = end;
            }
            std::shuffle(pieces.begin(), pieces.end(), random);
            CHECK(difference(merged(type, graph::Merge::concat, pieces), whole) == "");
        }
    }
}

TEST_CASE("rows of the outermost axis are shared, not copied") {
    auto random = generator();
    const auto whole = random_tensor(random, {ElementType::f32, Shape{4, 5}});
    CHECK(part_of(whole, {0, 1, 3}).bytes().data() == whole.bytes().data() + 20);
    CHECK(part_of(whole, {}).bytes().data() == whole.bytes().data());
    CHECK(part_of(whole, {1, 0, 5}).bytes().data() == whole.bytes().data());
    const auto empty = part_of(whole, {1, 2, 2});
    CHECK(empty.count() == 0);
}

TEST_CASE("partial results are combined element by element") {
    const auto a = Tensor::of<float>(Shape{3}, {1, -2, 3});
    const auto b = Tensor::of<float>(Shape{3}, {4, 5, -6});
    const Type type = a.type();
    const auto both = [&](graph::Merge merge) { return merged(type, merge, {{{}, a}, {{}, b}}); };
    CHECK(difference(both(graph::Merge::sum), Tensor::of<float>(Shape{3}, {5, 3, -3})) == "");
    CHECK(difference(both(graph::Merge::product), Tensor::of<float>(Shape{3}, {4, -10, -18})) == "");
    CHECK(difference(both(graph::Merge::max), Tensor::of<float>(Shape{3}, {4, 5, 3})) == "");
    CHECK(difference(both(graph::Merge::min), Tensor::of<float>(Shape{3}, {1, -2, -6})) == "");
    const auto h = tensor::from_doubles(ElementType::f16, Shape{2}, std::vector<double>{1.5, 2});
    CHECK(difference(merged(h.type(), graph::Merge::sum, {{{}, h}, {{}, h}, {{}, h}}),
                     tensor::from_doubles(ElementType::f16, Shape{2}, std::vector<double>{4.5, 6})) == "");
}

TEST_CASE("nibbles are cut where bytes begin, and nowhere else") {
    const Tensor whole(Type{ElementType::u4, Shape{4, 6}});
    CHECK(part_of(whole, {0, 1, 2}).bytes().size() == 3);
    CHECK(part_of(whole, {1, 2, 4}).bytes().size() == 4);
    CHECK(code_of([&] { static_cast<void>(part_of(whole, {1, 1, 4})); }) == base::Code::unsupported);
}
