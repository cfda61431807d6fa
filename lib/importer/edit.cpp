#include "importer/edit.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "importer/source.hpp"
#include "importer/tensor_data.hpp"

namespace shoal::importer {

using base::Code;
using base::fail;

namespace {

void collect_names(const onnx::GraphProto& graph, std::set<std::string, std::less<>>& out) {
    for (const auto& input : graph.input())
        out.insert(input.name());
    for (const auto& tensor : graph.initializer())
        out.insert(tensor.name());
    for (const auto& op : graph.node()) {
        out.insert(op.name());
        out.insert(op.input().begin(), op.input().end());
        out.insert(op.output().begin(), op.output().end());
        for (const auto& attribute : op.attribute()) {
            if (attribute.has_g()) collect_names(attribute.g(), out);
        }
    }
}

void expect_inside(const onnx::GraphProto& graph) {
    for (const auto& op : graph.node()) {
        for (const auto& attribute : op.attribute()) {
            if (attribute.t().data_location() == 1)
                fail(Code::unsupported, "tensor '", attribute.t().name(), "' of an operator lies in another file");
            if (!attribute.has_g()) continue;
            for (const auto& tensor : attribute.g().initializer()) {
                if (tensor.data_location() == 1)
                    fail(Code::unsupported, "tensor '", tensor.name(), "' in a subgraph lies in another file");
            }
            expect_inside(attribute.g());
        }
    }
}

onnx::AttributeProto& fresh_attribute(onnx::NodeProto& op, const std::string& name, int type) {
    remove_attribute(op, name);
    auto& out = *op.add_attribute();
    out.set_name(name);
    out.set_type(type);
    return out;
}

}  // namespace

void put_tensor(onnx::TensorProto& proto, const std::string& name, const tensor::Tensor& tensor,
                std::vector<base::SharedBytes>& blobs) {
    proto.Clear();
    proto.set_name(name);
    proto.set_data_type(onnx_type(tensor.element()));
    for (const auto extent : tensor.shape())
        proto.add_dims(extent);
    proto.set_blob(static_cast<std::uint32_t>(blobs.size()));
    blobs.push_back(tensor.shared_bytes());
}

Edit::Edit(const Model& model)
    : called_(model.source()->called),
      message_(std::make_shared<onnx::ModelProto>(*model.file_->message)),
      blobs_(model.file_->blobs) {
    expect_inside(graph());
    for (auto& tensor : *graph().mutable_initializer()) {
        if (tensor.data_location() == 1)
            put_tensor(tensor, std::string(tensor.name()), model.initialiser(tensor.name()), blobs_);
    }
    collect_names(graph(), names_);
}

std::string Edit::fresh_name(const std::string& wish) {
    std::string out = wish;
    for (int n = 2; !names_.insert(out).second; ++n)
        out = base::text(wish, '_', n);
    return out;
}

std::optional<tensor::Tensor> Edit::find_initialiser(const std::string& name) const {
    const auto& inputs = message_->graph().input();
    if (std::any_of(inputs.begin(), inputs.end(), [&](const auto& input) { return input.name() == name; }))
        return std::nullopt;
    for (const auto& proto : message_->graph().initializer()) {
        if (proto.name() == name) return tensor(proto);
    }
    return std::nullopt;
}

tensor::Tensor Edit::tensor(const onnx::TensorProto& proto) const {
    const auto element = element_type(proto.data_type());
    base::ensure(proto.has_blob() && element, "tensor '", proto.name(), "' was not read");
    const tensor::Shape shape(std::vector<std::int64_t>(proto.dims().begin(), proto.dims().end()));
    return SourceTensor{{*element, shape}, blobs_.at(proto.blob()), {}}.tensor();
}

void Edit::add_initialiser(const std::string& name, const tensor::Tensor& tensor) {
    put_tensor(*graph().add_initializer(), name, tensor, blobs_);
    names_.insert(name);
}

std::string Edit::add_constant(const std::string& wish, const tensor::Tensor& tensor) {
    const std::string name = fresh_name(wish);
    add_initialiser(name, tensor);
    return name;
}

void Edit::remove_initialiser(onnx::GraphProto& graph, const std::string& name) {
    const auto remove = [&](auto& list) {
        for (int i = list.size(); i-- > 0;) {
            if (list.Get(i).name() == name) list.DeleteSubrange(i, 1);
        }
    };
    remove(*graph.mutable_initializer());
    remove(*graph.mutable_input());
}

Model Edit::finish() && {
    auto parsed = read_message(std::move(message_), std::move(blobs_), {}, called_);
    auto file = std::make_shared<const Model::File>(Model::File{std::move(parsed.message), std::move(parsed.blobs)});
    return {std::move(parsed.source), std::move(file)};
}

const onnx::AttributeProto* find_attribute(const onnx::NodeProto& op, std::string_view name) {
    for (const auto& attribute : op.attribute()) {
        if (attribute.name() == name) return &attribute;
    }
    return nullptr;
}

std::int64_t integer_or(const onnx::NodeProto& op, std::string_view name, std::int64_t otherwise) {
    const auto* found = find_attribute(op, name);
    return found != nullptr ? found->i() : otherwise;
}

void remove_attribute(onnx::NodeProto& op, std::string_view name) {
    for (int i = op.attribute_size(); i-- > 0;) {
        if (op.attribute(i).name() == name) op.mutable_attribute()->DeleteSubrange(i, 1);
    }
}

void set_attribute(onnx::NodeProto& op, const std::string& name, std::int64_t value) {
    fresh_attribute(op, name, 2).set_i(value);
}

void set_attribute(onnx::NodeProto& op, const std::string& name, const std::string& value) {
    fresh_attribute(op, name, 3).set_s(value);
}

}  // namespace shoal::importer
