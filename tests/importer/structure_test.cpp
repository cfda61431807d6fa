#include "importer/structure.hpp"

#include <doctest/doctest.h>

#include "support/errors.hpp"
#include "support/model_maker.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

std::string refusal(ModelMaker& maker) {
    CHECK(code_of([&] { (void)maker.model(); }) == base::Code::invalid_model);
    return error_of([&] { (void)maker.model(); });
}

}  // namespace

TEST_CASE("operators in any order are put into one that runs") {
    ModelMaker maker;
    maker.graph()
        .input("x", ElementType::f32, {3})
        .op("Relu", {"b"}, {"c"})
        .op("Neg", {"x"}, {"a"})
        .op("Exp", {"a"}, {"b"})
        .output("c");
    const auto model = maker.model();
    std::vector<std::string> order;
    for (const auto& op : model.source()->body.ops)
        order.push_back(op.type);
    CHECK(order == std::vector<std::string>{"Neg", "Exp", "Relu"});
    CHECK(run_model(model, {{"x", floats({3}, {0, 1, -1})}})[0].as<float>()[0] == doctest::Approx(1));
}

TEST_CASE("cycles are refused naming an operator") {
    ModelMaker maker;
    maker.graph().op("Relu", {"b"}, {"a"}).op("Neg", {"a"}, {"b"}).output("b");
    CHECK(says(refusal(maker), "cycle of 2"));
    ModelMaker self;
    self.graph().op("Relu", {"a"}, {"a"}).output("a");
    CHECK(says(refusal(self), "Relu 'a'"));
}

TEST_CASE("names that nothing makes are refused") {
    ModelMaker maker;
    maker.graph().op("Relu", {"ghost"}, {"a"}).output("a");
    CHECK(says(refusal(maker), "reads 'ghost'"));
    ModelMaker output;
    output.graph().input("x", ElementType::f32, {1}).output("ghost");
    CHECK(says(refusal(output), "'ghost'"));
    ModelMaker inner;
    onnx::GraphProto branch;
    GraphMaker(branch).op("Neg", {"ghost"}, {"r"}).output("r");
    inner.graph().input("c", ElementType::boolean, {}).op("If", {"c"}, {"y"}, {{"then_branch", branch}}).output("y");
    CHECK(says(refusal(inner), "'ghost'"));
}

TEST_CASE("names that are made twice are refused naming both") {
    ModelMaker maker;
    maker.graph().input("x", ElementType::f32, {1}).op("Relu", {"x"}, {"a"}).op("Neg", {"x"}, {"a"}).output("a");
    const auto message = refusal(maker);
    CHECK(says(message, "Neg 'a'"));
    CHECK(says(message, "Relu 'a'"));
    ModelMaker input;
    input.graph().input("x", ElementType::f32, {1}).op("Relu", {"x"}, {"x"}).output("x");
    CHECK(says(refusal(input), "made twice"));
    ModelMaker inputs;
    inputs.graph().input("x", ElementType::f32, {1}).input("x", ElementType::f32, {1});
    CHECK(says(refusal(inputs), "two inputs 'x'"));
    ModelMaker outputs;
    outputs.graph().input("x", ElementType::f32, {1}).output("x").output("x");
    CHECK(says(refusal(outputs), "two outputs 'x'"));
    ModelMaker weights;
    weights.graph().initialiser("w", floats({1}, {1})).initialiser("w", floats({1}, {2}));
    CHECK(says(refusal(weights), "two initialisers 'w'"));
}

TEST_CASE("bodies know what they read from around them") {
    const auto model = parse(small_model());
    for (const auto& op : model.source()->body.ops) {
        if (op.type != "If") continue;
        const auto read = importer::names_read(op);
        const std::vector<std::string> names(read.begin(), read.end());
        CHECK(names == std::vector<std::string>{"flag", "one", "scaled", "one", "scaled"});
    }
}

TEST_CASE("functions that call themselves are refused") {
    ModelMaker maker;
    const auto add = [&](const char* name, const char* calls) {
        auto& function = *maker.proto().add_functions();
        function.set_domain("d");
        function.set_name(name);
        function.add_input("x");
        function.add_output("y");
        auto& op = *function.add_node();
        op.set_domain("d");
        op.set_op_type(calls);
        op.add_input("x");
        op.add_output("y");
    };
    add("A", "B");
    add("B", "A");
    maker.graph().input("x", ElementType::f32, {1}).op("A", {"x"}, {"y"}, {}, "d").output("y");
    CHECK(says(refusal(maker), "calls itself"));
    add("A", "C");
    CHECK(says(refusal(maker), "defined twice"));
}

TEST_CASE("attributes are read once each, and need no kind in old files") {
    ModelMaker twice;
    twice.graph()
        .input("x", ElementType::f32, {1})
        .op("Elu", {"x"}, {"y"}, {{"alpha", 1.0}, {"alpha", 2.0}})
        .output("y");
    CHECK(says(refusal(twice), "two attributes 'alpha'"));
    ModelMaker old;
    old.graph().input("x", ElementType::f32, {1}).op("Elu", {"x"}, {"y"}, {{"alpha", 2.0}}).output("y");
    old.proto().mutable_graph()->mutable_node(0)->mutable_attribute(0)->clear_type();
    CHECK(run_model(old.model(), {{"x", floats({1}, {-30})}})[0].as<float>()[0] == doctest::Approx(-2));
}
