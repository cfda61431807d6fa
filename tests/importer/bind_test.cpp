#include "importer/bind.hpp"

#include <doctest/doctest.h>

#include "support/errors.hpp"
#include "support/model_maker.hpp"

using namespace shoal;
using namespace shoal::test;
using importer::Bindings;

namespace {

/// Inputs a [N, T], b [N, 4], c with a default.
importer::Model model() {
    ModelMaker maker;
    maker.graph()
        .input("a", ElementType::f32, {"N", "T"})
        .input("b", ElementType::f32, {"N", 4})
        .input("c", ElementType::f32, {})
        .initialiser("c", floats({}, {2}))
        .op("MatMul", {"b", "a2"}, {"m"})
        .op("Transpose", {"a"}, {"at"})
        .op("Expand", {"at", "s"}, {"a2"})
        .initialiser("s", ints({2}, {4, 1}))
        .op("Mul", {"m", "c"}, {"y"})
        .output("y");
    return maker.model();
}

std::vector<importer::BoundInput> bound(const Bindings& bindings) {
    return importer::bind_inputs(model().source()->body, bindings);
}

tensor::Type f32(Shape shape) {
    return {ElementType::f32, std::move(shape)};
}

}  // namespace

TEST_CASE("symbols, types and values bind inputs; a default needs nothing") {
    const auto by_symbol = bound({{{"N", 3}, {"T", 5}}, {}});
    CHECK(std::get<tensor::Type>(by_symbol[0]) == f32({3, 5}));
    CHECK(std::get<tensor::Type>(by_symbol[1]) == f32({3, 4}));
    CHECK(std::holds_alternative<std::monostate>(by_symbol[2]));

    const auto by_type = bound({{}, {{"a", f32({7, 13})}}});
    CHECK(std::get<tensor::Type>(by_type[1]) == f32({7, 4}));  // N follows from a

    const auto by_value = bound({{{"T", 2}}, {{"b", Tensor(f32({1, 4}))}, {"c", floats({}, {3})}}});
    CHECK(std::holds_alternative<Tensor>(by_value[1]));
    CHECK(std::holds_alternative<Tensor>(by_value[2]));
}

TEST_CASE("a batch that is not bound is 1, other sizes are asked for") {
    CHECK(std::get<tensor::Type>(bound({{{"T", 2}}, {}})[0]) == f32({1, 2}));
    const auto message = error_of([] { (void)bound({}); });
    CHECK(says(message, "input 'a'"));
    CHECK(says(message, "--dim T="));
}

TEST_CASE("what contradicts the model is refused with both sides") {
    CHECK(says(error_of([] {
                   (void)bound({{{"T", 2}}, {{"b", f32({3, 5})}}});
               }),
               "declared f32[N, 4], given f32[3, 5]"));
    CHECK(says(error_of([] { (void)bound({{{"T", 2}}, {{"b", f32({3})}}}); }), "given f32[3]"));
    CHECK(says(error_of([] { (void)bound({{{"T", 2}}, {{"b", ints({1, 4}, {1, 2, 3, 4})}}}); }), "given i64[1, 4]"));
    CHECK(says(error_of([] { (void)bound({{{"T", 2}, {"Z", 3}}, {}}); }), "no symbolic size 'Z'; it has: N, T, N"));
    CHECK(says(error_of([] { (void)bound({{{"T", 2}}, {{"q", f32({1})}}}); }), "no input 'q'; it has: a, b, c"));
    CHECK(says(error_of([] { (void)bound({{{"T", -2}}, {}}); }), "cannot be -2"));
}

TEST_CASE("inputs without a shape or of a foreign type are asked for or refused") {
    ModelMaker maker;
    auto& input = *maker.graph().proto().add_input();
    input.set_name("x");
    input.mutable_type()->mutable_tensor_type()->set_elem_type(1);
    CHECK(says(error_of([&] { (void)importer::bind_inputs(maker.model().source()->body, {}); }), "declares no shape"));
    input.mutable_type()->mutable_tensor_type()->set_elem_type(8);
    CHECK(says(error_of([&] { (void)importer::bind_inputs(maker.model().source()->body, {}); }), "string"));
}
