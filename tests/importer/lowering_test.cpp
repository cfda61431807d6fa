#include "importer/lowering.hpp"

#include <doctest/doctest.h>

#include "runtime/host_backend.hpp"
#include "support/compare.hpp"
#include "support/errors.hpp"
#include "support/model_maker.hpp"

using namespace shoal;
using namespace shoal::test;
using importer::Limits;
using importer::Lowering;

namespace {

const Tensor kYes = Tensor::scalar(tensor::Bool{1}), kNo = Tensor::scalar(tensor::Bool{0});

/// if flag: x + 1 else x * 10
importer::Model branching() {
    onnx::GraphProto yes, no;
    GraphMaker(yes).initialiser("k", floats({}, {1})).op("Add", {"x", "k"}, {"r"}).output("r");
    GraphMaker(no).initialiser("k", floats({}, {10})).op("Mul", {"x", "k"}, {"r"}).output("r");
    ModelMaker maker;
    maker.graph()
        .input("x", ElementType::f32, {2})
        .input("flag", ElementType::boolean, {})
        .op("If", {"flag"}, {"chosen"}, {{"then_branch", yes}, {"else_branch", no}})
        .op("Neg", {"chosen"}, {"y"})
        .output("y");
    return maker.model();
}

/// Body: sum += x, stacks sum; goes on while sum < limit (an input), at most `trips` times when not negative.
importer::Model looping(std::int64_t trips, bool by_value) {
    onnx::GraphProto body;
    GraphMaker(body)
        .input("i", ElementType::i64, {})
        .input("go", ElementType::boolean, {})
        .input("sum_in", ElementType::f32, {})
        .op("Add", {"sum_in", "x"}, {"sum"})
        .op(by_value ? "Less" : "Identity",
            by_value ? std::vector<std::string>{"sum", "limit"} : std::vector<std::string>{"go"}, {"go_on"})
        .op("Identity", {"sum"}, {"seen"})
        .output("go_on")
        .output("sum")
        .output("seen");
    ModelMaker maker;
    auto graph = maker.graph();
    graph.input("x", ElementType::f32, {}).input("limit", ElementType::f32, {});
    if (trips >= 0) graph.initialiser("trips", Tensor::scalar(trips));
    graph.initialiser("start", floats({}, {0}));
    graph.op("Loop", {trips >= 0 ? "trips" : "", "", "start"}, {"total", "all"}, {{"body", body}});
    graph.output("total").output("all");
    return maker.model();
}

std::vector<Tensor> run_host(const graph::Graph& graph, const std::vector<Tensor>& inputs) {
    const auto backend = runtime::make_host_backend();
    const auto executable = backend->compile(graph);
    return runtime::run_on_host_tensors(*backend, *executable, inputs);
}

}  // namespace

TEST_CASE("a static model is one segment whose ports are the model's") {
    ModelMaker maker;
    maker.graph()
        .input("x", ElementType::f32, {"N", 3})
        .initialiser("w", floats({3}, {1, 2, 3}))
        .op("Mul", {"x", "w"}, {"p"})
        .op("Identity", {"w"}, {"copy"})
        .output("p")
        .output("copy")
        .output("x");
    const auto graph = importer::lower(maker.model(), {{{"N", 13}}, {}});
    graph::validate(graph);
    REQUIRE(graph.inputs.size() == 1);
    CHECK(graph.inputs[0].name == "x");
    CHECK(graph.type(graph.inputs[0].value).shape == Shape{13, 3});
    REQUIRE(graph.outputs.size() == 3);
    CHECK(graph.outputs[1].name == "copy");
    CHECK(graph.is_constant(graph.outputs[1].value));
    CHECK(graph.outputs[2].value == graph.inputs[0].value);
    CHECK(graph.ops.size() == 1);
    CHECK(graph.ops[0].name == "p");  // the operator's name, or its first output's
}

TEST_CASE("a branch is chosen at once when its condition is known, else when it is computed") {
    const auto model = branching();
    const auto graph = importer::lower(model, {{}, {{"flag", kYes}}});
    CHECK(graph.inputs.size() == 1);
    CHECK(graph.ops.size() == 2);
    for (const bool flag : {true, false}) {
        int segments = 0;
        const auto got = run_model(model, {{"x", floats({2}, {1, 2})}, {"flag", flag ? kYes : kNo}}, &segments);
        CHECK(segments == 2);
        CHECK(got[0].as<float>()[1] == (flag ? -3 : -20));
    }
    CHECK(says(error_of([&] { (void)importer::lower(model, {}); }), "'flag'"));
}

TEST_CASE("a copy can be resolved another way, and keys tell lowerings apart") {
    Lowering lowering(branching(), {});
    const auto first = lowering.advance();
    CHECK_FALSE(first.last);
    CHECK(first.wanted == std::vector<std::string>{"flag"});
    Lowering other = lowering, same = lowering;
    (void)lowering.resolve({kYes});
    (void)other.resolve({kNo});
    (void)same.resolve({kYes});
    CHECK(lowering.key() != other.key());
    CHECK(lowering.key() == same.key());
    const auto yes = lowering.advance(), no = other.advance();
    CHECK(yes.last);
    CHECK(yes.graph.ops[0].attrs.text("fn") == "add");
    CHECK(no.graph.ops[0].attrs.text("fn") == "mul");
}

TEST_CASE("calls out of turn are refused") {
    Lowering lowering(branching(), {});
    CHECK_FALSE(error_of([&] { (void)lowering.resolve({}); }).empty());
    (void)lowering.advance();
    CHECK_FALSE(error_of([&] { (void)lowering.advance(); }).empty());
    CHECK(says(error_of([&] { (void)lowering.resolve({}); }), "wants more"));
    CHECK(says(error_of([&] { (void)lowering.resolve({floats({}, {1})}); }), "must be bool[]"));
    (void)lowering.resolve({kYes});
    CHECK(lowering.advance().last);
    CHECK_FALSE(error_of([&] { (void)lowering.advance(); }).empty());
}

TEST_CASE("a loop with a known count is unrolled into one graph") {
    int segments = 0;
    const auto got = run_model(looping(4, false), {{"x", floats({}, {3})}, {"limit", floats({}, {0})}}, &segments);
    CHECK(segments == 1);
    CHECK(got[0].as<float>()[0] == 12);
    CHECK(got[1].shape() == Shape{4});
    CHECK(got[1].as<float>()[1] == 6);
}

TEST_CASE("a loop that a value ends is lowered iteration by iteration") {
    int segments = 0;
    const auto got = run_model(looping(-1, true), {{"x", floats({}, {3})}, {"limit", floats({}, {8})}}, &segments);
    CHECK(segments == 4);  // 3, 6, 9, and what stacks them
    CHECK(got[0].as<float>()[0] == 9);
    CHECK(got[1].shape() == Shape{3});
    const auto cut = run_model(looping(2, true), {{"x", floats({}, {3})}, {"limit", floats({}, {8})}});
    CHECK(cut[0].as<float>()[0] == 6);
}

TEST_CASE("loops have an end even when the model gives none") {
    Limits limits;
    limits.steps = 1000;
    CHECK(says(error_of([&] { (void)importer::lower(looping(-1, false), {}, limits); }), "more than 1000 steps"));
    limits.steps = 1 << 20;
    limits.operators = 500;
    CHECK(
        says(error_of([&] { (void)importer::lower(looping(100000, false), {}, limits); }), "more than 500 operators"));
}

TEST_CASE("a loop that never runs keeps its start, and stacks nothing when the type is declared") {
    onnx::GraphProto body;
    GraphMaker(body)
        .input("i", ElementType::i64, {})
        .input("go", ElementType::boolean, {})
        .input("v", ElementType::f32, {2})
        .op("Identity", {"go"}, {"go_on"})
        .op("Neg", {"v"}, {"w"})
        .op("Identity", {"v"}, {"seen"})
        .output("go_on")
        .output("w")
        .output("seen");
    auto& seen = *body.mutable_output(2)->mutable_type()->mutable_tensor_type();
    seen.set_elem_type(1);
    seen.mutable_shape()->add_dim()->set_dim_value(2);
    ModelMaker maker;
    maker.graph()
        .input("x", ElementType::f32, {2})
        .initialiser("none", ints({}, {0}))
        .op("Loop", {"none", "", "x"}, {"last", "all"}, {{"body", body}})
        .output("last")
        .output("all");
    const auto got = run_model(maker.model(), {{"x", floats({2}, {1, 2})}});
    CHECK(got[0].as<float>()[1] == 2);
    CHECK(got[1].shape() == Shape{0, 2});
}

TEST_CASE("what the host finds is an input of the next segment, so only its type decides") {
    ModelMaker maker;
    maker.graph()
        .input("x", ElementType::f32, {4})
        .op("NonZero", {"x"}, {"places"})
        .op("Cast", {"places"}, {"real"}, {{"to", std::int64_t{1}}})
        .op("ReduceSum", {"real"}, {"sum"}, {{"keepdims", std::int64_t{0}}})
        .op("Shape", {"places"}, {"shape"})
        .output("sum")
        .output("shape");
    const auto model = maker.model();
    int segments = 0;
    const auto got = run_model(model, {{"x", floats({4}, {0, 5, 0, 7})}}, &segments);
    CHECK(segments == 2);
    CHECK(got[0].as<float>()[0] == 4);
    CHECK(tensor::to_ints(got[1]) == std::vector<std::int64_t>{1, 2});

    Lowering a(model, {});
    (void)a.advance();
    Lowering b = a, c = a;
    CHECK(a.resolve({floats({4}, {0, 5, 0, 7})}).size() == 1);
    (void)b.resolve({floats({4}, {1, 1, 0, 0})});
    (void)c.resolve({floats({4}, {1, 1, 1, 0})});
    CHECK(a.key() == b.key());
    CHECK(a.key() != c.key());
    CHECK(to_string(a.advance().graph) == to_string(b.advance().graph));
}

TEST_CASE("values live on over several segments, constants and inputs included") {
    // y = x[nonzero] + w after a reshape whose shape is computed from x.
    ModelMaker maker;
    maker.graph()
        .input("x", ElementType::f32, {4})
        .input("later", ElementType::f32, {})
        .initialiser("w", floats({}, {100}))
        .op("Abs", {"x"}, {"early"})
        .op("Compress", {"x", "mask"}, {"kept"})
        .op("Greater", {"x", "zero"}, {"mask"})
        .initialiser("zero", floats({}, {0}))
        .op("ReduceMax", {"early"}, {"top"})
        .op("Cast", {"top"}, {"rows"}, {{"to", std::int64_t{7}}})
        .op("Concat", {"rows", "rest"}, {"shape"}, {{"axis", std::int64_t{0}}})
        .initialiser("rest", ints({1}, {-1}))
        .op("Reshape", {"kept", "shape"}, {"matrix"})
        .op("Add", {"matrix", "w"}, {"more"})
        .op("Add", {"more", "later"}, {"z"})
        .op("ReduceSum", {"early"}, {"early_sum"})
        .output("z")
        .output("early_sum");
    int segments = 0;
    const auto got =
        run_model(maker.model(), {{"x", floats({4}, {1, -1, 2, -2})}, {"later", floats({}, {1000})}}, &segments);
    CHECK(segments == 3);
    CHECK(got[0].shape() == Shape{2, 1});
    CHECK(got[0].as<float>()[1] == 1102);
    CHECK(got[1].as<float>()[0] == 6);
}

TEST_CASE("functions get the caller's attributes, or their defaults") {
    ModelMaker maker;
    auto& function = *maker.proto().add_functions();
    function.set_domain("d");
    function.set_name("Slope");
    function.add_input("x");
    function.add_input("unused");
    function.add_output("y");
    fill(*function.add_attribute_proto(), "by", 0.5);
    function.add_opset_import()->set_version(17);
    onnx::GraphProto inside;
    GraphMaker(inside).op("LeakyRelu", {"x"}, {"y"}).output("y");
    auto& alpha = *inside.mutable_node(0)->add_attribute();
    alpha.set_name("alpha");
    alpha.set_ref_attr_name("by");
    *function.add_node() = inside.node(0);
    maker.graph()
        .input("x", ElementType::f32, {1})
        .op("Slope", {"x"}, {"a"}, {{"by", 0.25}}, "d")
        .op("Slope", {"x", ""}, {"b"}, {}, "d")
        .output("a")
        .output("b");
    const auto got = run_model(maker.model(), {{"x", floats({1}, {-4})}});
    CHECK(got[0].as<float>()[0] == -1);
    CHECK(got[1].as<float>()[0] == -2);
}

TEST_CASE("sequences are built, taken apart and joined") {
    ModelMaker maker;
    maker.graph()
        .input("x", ElementType::f32, {5, 2})
        .initialiser("two", ints({}, {2}))
        .initialiser("zero", ints({}, {0}))
        .op("SplitToSequence", {"x", "two"}, {"parts"})
        .op("SequenceLength", {"parts"}, {"count"})
        .op("SequenceAt", {"parts", "zero"}, {"first"})
        .op("SequenceInsert", {"parts", "first"}, {"more"})
        .op("SequenceErase", {"more", "zero"}, {"rest"})
        .op("ConcatFromSequence", {"rest"}, {"y"}, {{"axis", std::int64_t{0}}})
        .output("y")
        .output("count");
    const auto got = run_model(maker.model(), {{"x", floats({5, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9})}});
    CHECK(got[0].shape() == Shape{5, 2});
    CHECK(got[0].as<float>()[0] == 4);
    CHECK(got[0].as<float>()[9] == 3);
    CHECK(got[1].as<std::int64_t>()[0] == 3);
}

TEST_CASE("errors name the operator") {
    ModelMaker maker;
    maker.graph().input("x", ElementType::f32, {2, 3}).op("MatMul", {"x", "x"}, {"y"}).output("y");
    maker.proto().mutable_graph()->mutable_node(0)->set_name("layer7/product");
    const auto message = error_of([&] { (void)importer::lower(maker.model(), {}); });
    CHECK(says(message, "MatMul 'layer7/product'"));
    CHECK(says(message, "3 and 2"));
    CHECK(says(error_of([] {
                   (void)run_op("Elu", {floats({1}, {1})}, {{"alpha", std::string("x")}});
               }),
               "attribute 'alpha' is text, must be a real number"));
    CHECK(says(error_of([] { (void)run_op("Concat", {floats({1}, {1})}); }), "attribute 'axis' is missing"));
    CHECK(says(error_of([] { (void)run_op("Add", {floats({1}, {1})}); }), "takes 2 inputs"));
    CHECK(says(error_of([] { (void)run_op("Clip", {left_out(), floats({}, {1})}); }), "input 0 is left out"));
}

TEST_CASE("the graph of every segment is sound") {
    Lowering lowering(branching(), {});
    const auto first = lowering.advance();
    graph::validate(first.graph);
    (void)lowering.resolve({kYes});
    const auto second = lowering.advance();
    graph::validate(second.graph);
    CHECK(run_host(second.graph, {floats({2}, {1, 2})})[0].as<float>()[0] == -2);
}

TEST_CASE("only what later segments read is needed") {
    importer::Lowering lowering(looping(-1, true), {});
    std::map<std::string, Tensor> store{{"x", floats({}, {1})}, {"limit", floats({}, {1e6F})}};
    const auto backend = runtime::make_host_backend();
    std::size_t most = 0;
    for (int iteration = 0; iteration < 5; ++iteration) {
        const auto segment = lowering.advance();
        std::vector<Tensor> arguments, wanted;
        for (const auto& port : segment.graph.inputs) {
            CHECK(lowering.needed().count(port.name) == 1);
            arguments.push_back(store.at(port.name));
        }
        const auto results = runtime::run_on_host_tensors(*backend, *backend->compile(segment.graph), arguments);
        for (std::size_t i = 0; i < results.size(); ++i)
            store[segment.graph.outputs[i].name] = results[i];
        for (const auto& name : segment.wanted)
            wanted.push_back(store.at(name));
        store.merge(lowering.resolve(std::move(wanted)));
        const auto needed = lowering.needed();
        for (const auto& name : needed)
            CHECK(store.count(name) == 1);
        most = store.size() - needed.size();
    }
    CHECK(most >= 4);  // the loop's conditions, which nobody asks for again
}
