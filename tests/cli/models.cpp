#include "cli/models.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "importer/onnx.pb.h"
#include "support/random.hpp"

namespace shoal::test {

using tensor::ElementType;
using tensor::Tensor;

namespace {

int onnx_number(ElementType element) {
    switch (element) {
        case ElementType::f32: return 1;
        case ElementType::u8: return 2;
        case ElementType::i64: return 7;
        case ElementType::boolean: return 9;
        case ElementType::bf16: return 16;
        default: throw std::logic_error("no ONNX number for this element type here");
    }
}

void declare(onnx::ValueInfoProto& info, const std::string& name, const std::string& shape, ElementType element) {
    info.set_name(name);
    auto& type = *info.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx_number(element));
    auto& dims = *type.mutable_shape();
    std::istringstream pieces(shape);
    for (std::string piece; std::getline(pieces, piece, ',');) {
        auto& dim = *dims.add_dim();
        if (piece.find_first_not_of("0123456789") == std::string::npos)
            dim.set_dim_value(std::stoll(piece));
        else if (piece != "?")
            dim.set_dim_param(piece);
    }
}

}  // namespace

OnnxFile::OnnxFile(const std::string& name, std::int64_t opset) : model_(std::make_unique<onnx::ModelProto>()) {
    model_->set_ir_version(8);
    model_->set_producer_name("shoal tests");
    model_->mutable_graph()->set_name(name);
    model_->add_opset_import()->set_version(opset);
}

OnnxFile::~OnnxFile() = default;

OnnxFile& OnnxFile::input(const std::string& name, const std::string& shape, ElementType element) {
    declare(*model_->mutable_graph()->add_input(), name, shape, element);
    return *this;
}

OnnxFile& OnnxFile::output(const std::string& name, const std::string& shape, ElementType element) {
    declare(*model_->mutable_graph()->add_output(), name, shape, element);
    return *this;
}

OnnxFile& OnnxFile::constant(const std::string& name, const Tensor& value) {
    auto& proto = *model_->mutable_graph()->add_initializer();
    proto.set_name(name);
    proto.set_data_type(onnx_number(value.element()));
    for (const auto extent : value.shape())
        proto.add_dims(extent);
    proto.set_raw_data(value.bytes().data(), value.bytes().size());
    return *this;
}

OnnxFile& OnnxFile::op(const std::string& type, const std::vector<std::string>& inputs,
                       const std::vector<std::string>& outputs, const std::string& attribute,
                       const std::vector<std::int64_t>& value, const std::string& domain) {
    auto& node = *model_->mutable_graph()->add_node();
    node.set_op_type(type);
    node.set_name(type + " " + outputs.at(0));
    node.set_domain(domain);
    for (const auto& input : inputs)
        node.add_input(input);
    for (const auto& output : outputs)
        node.add_output(output);
    if (attribute.empty()) return *this;
    auto& proto = *node.add_attribute();
    proto.set_name(attribute);
    proto.set_type(value.size() == 1 ? 2 : 7);
    if (value.size() == 1) proto.set_i(value[0]);
    for (const auto number : value)
        proto.add_ints(number);
    return *this;
}

void OnnxFile::save(const std::filesystem::path& path) const {
    std::ofstream file(path, std::ios::binary);
    file << model_->SerializeAsString();
    if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

void write_classifier(const std::filesystem::path& path, unsigned seed) {
    std::mt19937 random(seed);
    const auto weights = [&](tensor::Shape shape) {
        return random_tensor(random, {ElementType::f32, std::move(shape)});
    };
    OnnxFile("classifier")
        .input("data", "N,3,8,8")
        .constant("kernel", weights({4, 3, 3, 3}))
        .constant("matrix", weights({4, 5}))
        .constant("bias", weights({5}))
        .op("Conv", {"data", "kernel"}, {"edges"}, "pads", {1, 1, 1, 1})
        .op("Relu", {"edges"}, {"kept"})
        .op("GlobalAveragePool", {"kept"}, {"means"})
        .op("Flatten", {"means"}, {"features"})
        .op("Gemm", {"features", "matrix", "bias"}, {"scores"})
        .output("scores", "N,5")
        .save(path);
}

void write_adder(const std::filesystem::path& path) {
    OnnxFile("adder")
        .input("a", "N,3")
        .input("b", "N,3")
        .input("c", "3")
        .constant("c", Tensor::of<float>({3}, {1, 2, 3}))
        .op("Add", {"a", "b"}, {"ab"})
        .op("Add", {"ab", "c"}, {"sum/all"})
        .op("Sub", {"a", "b"}, {"difference"})
        .output("sum/all", "N,3")
        .output("difference", "N,3")
        .save(path);
}

void write_identity(const std::filesystem::path& path, const std::string& shape, ElementType element) {
    OnnxFile("identity")
        .input("data", shape, element)
        .op("Identity", {"data"}, {"out"})
        .output("out", shape, element)
        .save(path);
}

}  // namespace shoal::test
