#include "importer/model.hpp"

#include <doctest/doctest.h>

#include "support/errors.hpp"
#include "support/model_maker.hpp"

using namespace shoal;
using namespace shoal::test;

TEST_CASE("a model tells what the file says") {
    const auto model = parse(small_model());
    CHECK(model.name() == "main");
    CHECK(model.producer() == "shoal tests");
    CHECK(model.ir_version() == 8);
    CHECK(model.opsets().at("") == 17);
    CHECK(model.opsets().at("shoal.test") == 1);
    REQUIRE(model.inputs().size() == 2);
    CHECK(to_string(model.inputs()[0]) == "f32[N, 3, 8, 8]");
    CHECK(to_string(model.inputs()[1]) == "bool[]");
    CHECK(model.outputs().at(0).name == "y");
    CHECK(to_string(model.outputs()[0]) == "?[?]");
    CHECK(model.initialisers() == std::vector<std::string>{"one", "shape", "w"});
    CHECK(model.parameter_count() == 4 * 3 * 3 * 3 + 1 + 2);
    CHECK(model.parameter_bytes() == 108 * 4 + 4 + 16);
    CHECK(code_of([&] { (void)model.initialiser("ghost"); }) == base::Code::not_found);
}

TEST_CASE("operators are counted, those of subgraphs and functions too") {
    std::map<std::string, importer::OperatorCount> counts;
    for (const auto& entry : parse(small_model()).operators())
        counts[entry.name] = entry;
    CHECK(counts.size() == 7);
    CHECK(counts.at("Conv").count == 1);
    CHECK(counts.at("Conv").nested == 0);
    CHECK(counts.at("Add").nested == 1);
    CHECK(counts.at("LeakyRelu").nested == 1);  // inside of the function, which itself is none
    CHECK(counts.count("Scaled") == 0);
}

TEST_CASE("unknown operators are refused with the whole list") {
    ModelMaker maker(17);
    maker.import("elsewhere", 3);
    onnx::GraphProto branch;
    GraphMaker(branch).op("Mystery", {"x"}, {"r"}, {}, "elsewhere").output("r");
    maker.graph()
        .input("x", ElementType::f32, {1})
        .input("c", ElementType::boolean, {})
        .op("Mystery", {"x"}, {"a"}, {}, "elsewhere")
        .op("RandomNormal", {}, {"b"})
        .op("If", {"c"}, {"d"}, {{"then_branch", branch}, {"else_branch", branch}})
        .op("Relu", {"x"}, {"e"})
        .output("e");
    const auto model = maker.model();
    const auto missing = model.unsupported();
    REQUIRE(missing.size() == 2);
    CHECK(missing[1].count == 3);
    CHECK(missing[1].nested == 2);
    const auto message = error_of([&] { model.check_supported(); });
    CHECK(says(message, "2 kinds of operators"));
    CHECK(says(message, "elsewhere Mystery, opset 3, 3 times (2 inside of subgraphs)"));
    CHECK(says(message, "ai.onnx RandomNormal, opset 17, 1 time: results that are drawn at random"));
    CHECK(code_of([&] { model.check_supported(); }) == base::Code::unsupported);
    CHECK(code_of([&] { (void)importer::lower(model, {}); }) == base::Code::unsupported);
}

TEST_CASE("versions newer than any that is known are refused operator by operator") {
    ModelMaker maker(99);
    maker.graph().input("x", ElementType::f32, {1}).op("Relu", {"x"}, {"y"}).output("y");
    CHECK(says(error_of([&] { maker.model().check_supported(); }), "Relu, opset 99, 1 time: known in versions 1 to"));
}

TEST_CASE("what is no ONNX file is refused") {
    for (const std::string& bytes : {std::string(), std::string("hello, world"), std::string(1000, '\xff'),
                                     std::string(1000, '\0'), std::string("\x08\x07", 2)}) {
        CHECK(code_of([&] { (void)parse(bytes); }) == base::Code::invalid_model);
    }
    ModelMaker maker;
    maker.import("", 9);
    CHECK(says(error_of([&] { (void)maker.model(); }), "version 17 and as 9"));
}

TEST_CASE("every prefix of a model is refused or read, never more") {
    const std::string whole = small_model();
    int read = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        try {
            const auto model = parse(whole.substr(0, size));
            if (!model.unsupported().empty()) continue;
            (void)importer::Lowering(model, {}).advance();
            ++read;
        } catch (const base::Error& error) {
            CHECK(error.code() != base::Code::internal);
        }
    }
    CHECK(read < 60);  // what is cut behind the graph may still be whole
    CHECK(error_of([&] { (void)importer::Lowering(parse(whole), {}).advance(); }) == "");
}

TEST_CASE("a model with one byte changed is refused or read, never more") {
    const std::string whole = small_model();
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (const int flip : {1, 16, 128, 255}) {
            std::string damaged = whole;
            damaged[at] = static_cast<char>(damaged[at] ^ flip);
            try {
                importer::Limits limits;
                limits.elements = limits.table_elements = 1 << 20;
                const auto model = parse(damaged);
                if (model.unsupported().empty()) (void)importer::Lowering(model, {}, limits).advance();
            } catch (const base::Error& error) {
                CHECK(error.code() != base::Code::internal);
            }
        }
    }
}

TEST_CASE("symbols, unknown and negative dimensions") {
    ModelMaker maker;
    auto graph = maker.graph();
    graph.input("a", ElementType::i4, {"N", 3});
    auto& dim = *graph.proto().mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim();
    CHECK(to_string(maker.model().inputs()[0]) == "i4[N, 3, ?]");
    dim.set_dim_value(-1);  // some exporters' word for unknown
    CHECK(to_string(maker.model().inputs()[0]) == "i4[N, 3, ?]");
    dim.set_dim_value(-2);
    CHECK(says(error_of([&] { (void)maker.model(); }), "dimension of -2"));
}
