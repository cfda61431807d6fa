// Changing a model's file: its message is copied, changed through the protobuf classes, and read again.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "importer/file.hpp"
#include "importer/onnx.pb.h"

namespace shoal::importer {

class Edit {
public:
    /// A copy of the model's message to change. Weights in other files come in.
    /// Throws unsupported when a subgraph keeps weights in another file.
    explicit Edit(const Model& model);

    [[nodiscard]] onnx::ModelProto& message() noexcept { return *message_; }
    [[nodiscard]] onnx::GraphProto& graph() noexcept { return *message_->mutable_graph(); }

    /// A name like `wish` that nothing in the model has yet.
    [[nodiscard]] std::string fresh_name(const std::string& wish);
    /// The elements of a tensor of the message.
    [[nodiscard]] tensor::Tensor tensor(const onnx::TensorProto& proto) const;
    /// The value of an initialiser of the main graph, added ones included; nothing when an input may give it another.
    [[nodiscard]] std::optional<tensor::Tensor> find_initialiser(const std::string& name) const;
    /// Adds an initialiser to the main graph.
    void add_initialiser(const std::string& name, const tensor::Tensor& tensor);
    /// The same under a fresh name, which is returned.
    std::string add_constant(const std::string& wish, const tensor::Tensor& tensor);
    /// Removes an initialiser, and the input that may give it another value.
    static void remove_initialiser(onnx::GraphProto& graph, const std::string& name);

    /// The changed model. Throws what reading a file throws.
    [[nodiscard]] Model finish() &&;

private:
    std::string called_;
    std::shared_ptr<onnx::ModelProto> message_;
    std::vector<base::SharedBytes> blobs_;
    std::set<std::string, std::less<>> names_;
};

/// Makes `proto` the tensor, whose elements become one more blob.
void put_tensor(onnx::TensorProto& proto, const std::string& name, const tensor::Tensor& tensor,
                std::vector<base::SharedBytes>& blobs);

/// The attribute of that name, or nullptr.
[[nodiscard]] const onnx::AttributeProto* find_attribute(const onnx::NodeProto& op, std::string_view name);
[[nodiscard]] std::int64_t integer_or(const onnx::NodeProto& op, std::string_view name, std::int64_t otherwise);
void remove_attribute(onnx::NodeProto& op, std::string_view name);
/// Replaces an attribute of the same name.
void set_attribute(onnx::NodeProto& op, const std::string& name, std::int64_t value);
void set_attribute(onnx::NodeProto& op, const std::string& name, const std::string& value);

}  // namespace shoal::importer
