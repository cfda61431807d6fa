// What a small file may blow up to: sizes, operators, tables and work.
#include <doctest/doctest.h>

#include <functional>
#include <limits>

#include "importer/lowering.hpp"
#include "support/compare.hpp"
#include "support/errors.hpp"
#include "support/model_maker.hpp"

using namespace shoal;
using namespace shoal::test;
using importer::Limits;
using importer::Lowering;

TEST_CASE("absurd sizes are refused before they are made") {
    const auto wide = [](const std::string& type, const std::vector<Tensor>& inputs, const AttributeList& attributes) {
        Limits limits;
        limits.elements = limits.table_elements = 1 << 16;
        importer::Bindings bindings;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            if (inputs[i].type() != left_out().type()) bindings.inputs.emplace("x" + std::to_string(i), inputs[i]);
        }
        return error_of([&] { (void)importer::lower(one_op(type, inputs, attributes), bindings, limits); });
    };
    CHECK(says(wide("ConstantOfShape", {ints({2}, {1 << 20, 1 << 20})}, {}), "elements"));
    CHECK(says(wide("Resize", {floats({1, 1, 1, 1}, {1}), left_out(), floats({4}, {1, 1, 1, 1e6F})}, {}), "table"));
    CHECK(says(wide("HannWindow", {ints({}, {1 << 30})}, {}), "table"));
    CHECK_FALSE(wide("Expand", {floats({1}, {1}), ints({3}, {1LL << 40, 1LL << 40, 1})}, {}).empty());
}

TEST_CASE("one operator of a small file that would become many is refused before it is lowered") {
    Limits limits;
    limits.operators = 200;
    const auto refused = [&](const importer::Model& model) {
        return code_of([&] { (void)importer::lower(model, {}, limits); }) == base::Code::unsupported;
    };
    const auto zeros = [](Shape shape) { return Tensor(tensor::Type{ElementType::f32, std::move(shape)}); };
    CHECK(refused(one_op("DeformConv", {zeros({1, 400, 1, 1}), zeros({1, 400, 1, 1}), zeros({1, 800, 1, 1})},
                         {{"offset_group", std::int64_t{400}}}, 1, 19)));
    CHECK(refused(one_op("GridSample", {zeros({1, 1, 2, 2, 2}), zeros({1, 1, 1, 1, 3})},
                         {{"mode", std::string("cubic")}}, 1, 20)));
}

TEST_CASE("constants that take long to work out are left to the device") {
    // 4 G multiplications that decide a shape: a second segment, not a minute of plain loops.
    ModelMaker maker(11);
    maker.graph()
        .initialiser("one", ints({}, {1}))
        .initialiser("shape", ints({2}, {1500, 1500}))
        .op("Expand", {"one", "shape"}, {"a"})
        .op("MatMul", {"a", "a"}, {"b"})
        .op("ReduceMax", {"b"}, {"size"}, {{"keepdims", std::int64_t{0}}})
        .op("Unsqueeze", {"size"}, {"wanted"}, {{"axes", std::vector<std::int64_t>{0}}})
        .op("Expand", {"one", "wanted"}, {"y"})
        .output("y");
    Lowering lowering(maker.model(), {});
    const auto segment = lowering.advance();
    CHECK_FALSE(segment.last);
    CHECK(segment.wanted.size() == 1);
}

TEST_CASE("regions of interest lie in images that there are, and have a bounded number of samples") {
    const auto message = [](std::int64_t image, std::int64_t size, std::int64_t samples) {
        return error_of([&] {
            (void)run_op(
                "RoiAlign",
                {floats({1, 1, 2, 2}, {1, 2, 3, 4}), floats({2, 4}, {0, 0, 1, 1, 0, 0, 1, 1}), ints({2}, {0, image})},
                {{"output_height", size}, {"output_width", size}, {"sampling_ratio", samples}});
        });
    };
    CHECK(message(0, 2, 2) == "");
    CHECK(says(message(1, 2, 2), "image 1 of 1"));
    CHECK(says(message(-1, 2, 2), "image -1 of 1"));
    CHECK(says(message(0, 2, 1500), "samples in all"));
    CHECK_FALSE(message(0, std::int64_t{1} << 40, 1).empty());
}

TEST_CASE("a region or a scale that is no number has no samples, and no undefined conversion") {
    constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
    const auto image = floats({1, 1, 2, 2}, {1, 2, 3, 4});
    const auto pooled = run_op("RoiAlign", {image, floats({1, 4}, {0, 0, kNaN, 1}), ints({1}, {0})});
    CHECK(tensor::to_doubles(pooled.at(0)) == std::vector{0.0});
    const auto cropped = run_op("Resize", {image, floats({8}, {0, 0, kNaN, 0, 1, 1, 1, 1}), left_out(), ints({4}, {1, 1, 2, 2})},
                                {{"coordinate_transformation_mode", std::string("tf_crop_and_resize")}});
    CHECK(cropped.at(0).shape() == Shape{1, 1, 2, 2});
    const auto gone = run_op("Resize", {image, left_out(), floats({4}, {1, 1, 1e-30F, 1})},
                             {{"mode", std::string("linear")}, {"antialias", std::int64_t{1}}});
    CHECK(gone.at(0).shape() == Shape{1, 1, 0, 2});
}

namespace {

// A loop of `count` iterations (as long as its condition holds, for -1) that runs `body` for nothing but its outputs.
importer::Model idle_loop(std::int64_t count, const std::function<void(GraphMaker&)>& inside = {}) {
    onnx::GraphProto body;
    GraphMaker graph(body);
    graph.input("i", ElementType::i64, {}).input("go", ElementType::boolean, {});
    graph.op("Identity", {"go"}, {"go_on"}).output("go_on");
    if (inside) inside(graph);
    ModelMaker maker;
    maker.graph().initialiser("count", ints({}, {count})).initialiser("size", ints({1}, {16384}));
    std::vector<std::string> outputs;
    for (int k = 1; k < body.output_size(); ++k)
        outputs.push_back("y" + std::to_string(k));
    maker.graph()
        .input("x", ElementType::f32, {1})
        .op("Loop", {count < 0 ? "" : "count", ""}, outputs, {{"body", body}})
        .op("Identity", {"x"}, {"y"})
        .output("y");
    return maker.model();
}

void table(GraphMaker& body) {
    body.op("ConstantOfShape", {"size"}, {"table"}).op("Neg", {"table"}, {"other"});
}

}  // namespace

TEST_CASE("what an iteration folds is forgotten when nothing reads it any more") {
    Limits limits;
    limits.constant_bytes = 8 << 20;
    CHECK(error_of([&] { (void)importer::lower(idle_loop(1000, table), {}, limits); }) == "");
    const auto stacking = [](GraphMaker& body) {
        table(body);
        body.output("other");
    };
    CHECK(says(error_of([&] { (void)importer::lower(idle_loop(1000, stacking), {}, limits); }), "bytes of constants"));
    // The loop's own numbers, too: they would be four for every operator long before the steps are used up.
    limits.operators = 1 << 10;
    limits.steps = 1 << 16;
    CHECK(says(error_of([&] { (void)importer::lower(idle_loop(-1), {}, limits); }), "more than 65536 steps"));
}

TEST_CASE("loops stack a bounded number of values, and sequences have a bounded number of items") {
    Limits limits;
    limits.operators = 1 << 10;
    const auto stacking = [](GraphMaker& body) { body.op("Identity", {"i"}, {"n"}).output("n"); };
    CHECK(says(error_of([&] { (void)importer::lower(idle_loop(2000, stacking), {}, limits); }), "stacks more than"));
    ModelMaker maker;
    maker.graph()
        .input("x", ElementType::f32, {65537})
        .op("SplitToSequence", {"x"}, {"parts"})
        .op("SequenceLength", {"parts"}, {"y"})
        .output("y");
    CHECK(says(error_of([&] { (void)importer::lower(maker.model(), {}); }), "more than 65536 tensors"));
}

TEST_CASE("work while lowering has one bound for the whole model") {
    // Three shapes that follow from tables of 200,000 numbers each.
    ModelMaker maker(13);
    maker.graph().initialiser("one", ints({1}, {1})).initialiser("zero", ints({1}, {0}));
    maker.graph().initialiser("size", ints({1}, {200000}));
    for (const std::string k : {"a", "b", "c"}) {
        maker.graph()
            .op("Expand", {"one", "size"}, {k + "_table"})
            .op("ReduceSum", {k + "_table", "zero"}, {k + "_sum"})
            .op("Expand", {"one", k + "_sum"}, {k})
            .output(k);
    }
    const auto is_one_segment = [&](std::int64_t work) {
        Limits limits;
        limits.work = work;
        return Lowering(maker.model(), {}, limits).advance().last;
    };
    CHECK(is_one_segment(10'000'000));
    CHECK_FALSE(is_one_segment(1'000'000));
}

TEST_CASE("a lowering ends when it is not wanted any more") {
    Lowering lowering(idle_loop(-1), {});
    int asked = 0;
    CHECK(code_of([&] {
              (void)lowering.advance([&] {
                  if (++asked == 100) base::fail(base::Code::cancelled, "enough");
              });
          }) == base::Code::cancelled);
    CHECK(asked == 100);
}
