// Makes ONNX models for tests, operator by operator, through the generated protobuf classes; and runs them on the host.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "importer/lowering.hpp"
#include "importer/model.hpp"
#include "importer/onnx.pb.h"

namespace shoal::test {

using tensor::ElementType;
using tensor::Shape;
using tensor::Tensor;

/// An attribute's value; an absent alternative for graphs, which ModelMaker::body makes.
using AttributeInput = std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>,
                                    std::vector<std::string>, Tensor, onnx::GraphProto>;
using AttributeList = std::vector<std::pair<std::string, AttributeInput>>;

/// A dimension: a number, or a symbol.
using DimInput = std::variant<std::int64_t, std::string>;

/// One graph under construction; ModelMaker makes it into a model.
class GraphMaker {
public:
    explicit GraphMaker(onnx::GraphProto& proto) : proto_(proto) {}

    GraphMaker& input(const std::string& name, ElementType element, const std::vector<DimInput>& dims);
    GraphMaker& output(const std::string& name);
    /// raw: as raw_data, else in the typed list of its element type.
    GraphMaker& initialiser(const std::string& name, const Tensor& tensor, bool raw = true);
    GraphMaker& op(const std::string& type, const std::vector<std::string>& inputs,
                   const std::vector<std::string>& outputs, const AttributeList& attributes = {},
                   const std::string& domain = "");
    [[nodiscard]] onnx::GraphProto& proto() noexcept { return proto_; }

private:
    onnx::GraphProto& proto_;
};

class ModelMaker {
public:
    explicit ModelMaker(std::int64_t opset = 17);

    [[nodiscard]] GraphMaker graph() { return GraphMaker(*proto_.mutable_graph()); }
    [[nodiscard]] onnx::ModelProto& proto() noexcept { return proto_; }
    ModelMaker& import(const std::string& domain, std::int64_t version);

    [[nodiscard]] std::string bytes() const { return proto_.SerializeAsString(); }
    [[nodiscard]] importer::Model model() const;

private:
    onnx::ModelProto proto_;
};

/// Fills a TensorProto; see GraphMaker::initialiser.
void fill(onnx::TensorProto& proto, const Tensor& tensor, bool raw = true);
void fill(onnx::AttributeProto& proto, const std::string& name, const AttributeInput& value);

[[nodiscard]] importer::Model parse(const std::string& bytes);

/// A small model with an operator of many kinds (initialisers, attributes, subgraphs, a function): the seed of prefix
/// tests and fuzzing.
[[nodiscard]] std::string small_model();

/// A model of one operator whose inputs are called "x0", "x1", ... and its outputs "y0", "y1", ...
[[nodiscard]] importer::Model one_op(const std::string& type, const std::vector<Tensor>& inputs,
                                     const AttributeList& attributes = {}, int outputs = 1, std::int64_t opset = 17,
                                     const std::string& domain = "");
/// Runs one_op on the host backend with these inputs; an input of shape [0] and type bool is left out.
[[nodiscard]] std::vector<Tensor> run_op(const std::string& type, const std::vector<Tensor>& inputs,
                                         const AttributeList& attributes = {}, int outputs = 1, std::int64_t opset = 17,
                                         const std::string& domain = "");
/// What stands for an input that is left out.
[[nodiscard]] Tensor left_out();

/// Runs a whole model on the host backend; counts its segments when asked.
[[nodiscard]] std::vector<Tensor> run_model(const importer::Model& model, const std::map<std::string, Tensor>& inputs,
                                            int* segments = nullptr);

[[nodiscard]] Tensor floats(Shape shape, std::initializer_list<float> values);
[[nodiscard]] Tensor ints(Shape shape, std::initializer_list<std::int64_t> values);

}  // namespace shoal::test
