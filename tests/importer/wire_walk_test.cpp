#include "importer/wire_walk.hpp"

#include <doctest/doctest.h>

#include "support/errors.hpp"
#include "support/model_maker.hpp"

using namespace shoal;
using namespace shoal::test;
using importer::WireRoot;

namespace {

base::SharedBytes shared(const std::string& bytes) {
    return base::SharedBytes::copy_of(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

}  // namespace

TEST_CASE("large raw data stays where it is, small data is copied along") {
    ModelMaker maker;
    maker.graph().initialiser("large", Tensor(tensor::Type{ElementType::f32, Shape{100}}));
    maker.graph().initialiser("small", floats({2}, {1, 2}));
    const auto file = shared(maker.bytes());
    const auto walked = importer::walk_wire(file, WireRoot::model);
    REQUIRE(walked.blobs.size() == 1);
    CHECK(walked.blobs[0].size() == 400);
    CHECK(walked.blobs[0].data() > file.data());
    CHECK(walked.blobs[0].data() + 400 <= file.data() + file.size());
    CHECK(walked.message.size() < file.size() - 390);

    onnx::ModelProto proto;
    REQUIRE(proto.ParseFromString(walked.message));
    CHECK(proto.graph().initializer(0).blob() == 0);
    CHECK_FALSE(proto.graph().initializer(0).has_raw_data());
    CHECK(proto.graph().initializer(1).raw_data().size() == 8);
}

TEST_CASE("raw data inside of attributes and subgraphs is found as well") {
    ModelMaker maker;
    onnx::GraphProto inner;
    GraphMaker(inner).initialiser("w", Tensor(tensor::Type{ElementType::f32, Shape{50}}));
    maker.graph().op("If", {"x"}, {"y"}, {{"then_branch", inner}});
    maker.graph().op("Constant", {}, {"c"}, {{"value", Tensor(tensor::Type{ElementType::f32, Shape{60}})}});
    const auto walked = importer::walk_wire(shared(maker.bytes()), WireRoot::model);
    REQUIRE(walked.blobs.size() == 2);
    CHECK(walked.blobs[0].size() == 200);
    CHECK(walked.blobs[1].size() == 240);
}

TEST_CASE("a file cannot name a blob itself") {
    ModelMaker maker;
    maker.graph().initialiser("w", floats({2}, {1, 2}));
    maker.proto().mutable_graph()->mutable_initializer(0)->set_blob(7);
    onnx::ModelProto proto;
    REQUIRE(proto.ParseFromString(importer::walk_wire(shared(maker.bytes()), WireRoot::model).message));
    CHECK_FALSE(proto.graph().initializer(0).has_blob());
}

TEST_CASE("fields that Shoal does not read are kept") {
    ModelMaker maker;
    std::string bytes = maker.bytes();
    bytes += std::string("\x32\x03", 2) + "doc";  // ModelProto.doc_string
    const auto walked = importer::walk_wire(shared(bytes), WireRoot::model);
    onnx::ModelProto proto;
    REQUIRE(proto.ParseFromString(walked.message));
    CHECK(proto.SerializeAsString().find("doc") != std::string::npos);
}

TEST_CASE("lengths that lie, groups and tag 0 are refused") {
    const auto refused = [](const std::string& bytes) {
        return error_of([&] { (void)importer::walk_wire(shared(bytes), WireRoot::model); });
    };
    CHECK(says(refused(std::string("\x3a\x7f\x01", 3)), "announces 127 bytes where 1"));
    CHECK(says(refused(std::string("\x3a\xff\xff\xff\xff\x0f", 6)), "announces"));
    CHECK_FALSE(refused(std::string("\x3b", 1)).empty());      // a group
    CHECK_FALSE(refused(std::string("\x00\x00", 2)).empty());  // field 0
    CHECK_FALSE(refused(std::string("\x08", 1)).empty());      // a number that is cut off
    CHECK_FALSE(refused(std::string("\x0d\x01", 2)).empty());  // four bytes that are not there
    CHECK(refused("").empty());
}

TEST_CASE("nesting has an end") {
    onnx::GraphProto graph;
    for (int level = 0; level < 40; ++level) {
        onnx::GraphProto outer;
        GraphMaker(outer).op("If", {"x"}, {"y"}, {{"then_branch", graph}});
        graph = std::move(outer);
    }
    ModelMaker maker;
    *maker.proto().mutable_graph() = graph;
    CHECK(says(error_of([&] { (void)importer::walk_wire(shared(maker.bytes()), WireRoot::model); }), "nested"));
}
