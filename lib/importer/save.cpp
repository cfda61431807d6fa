// Writing models: the file's own message with the elements put back, and the two edits that need it.
#include <google/protobuf/io/coded_stream.h>

#include <limits>

#include "base/error.hpp"
#include "importer/file.hpp"
#include "importer/onnx.pb.h"
#include "importer/source.hpp"
#include "importer/tensor_data.hpp"
#include "importer/wire_walk.hpp"
#include "platform/files.hpp"

namespace shoal::importer {

using base::Code;
using base::fail;

namespace {

void set_bytes(onnx::TensorProto& proto, base::ByteView bytes) {
    proto.clear_blob();
    proto.clear_external_data();
    proto.clear_data_location();
    proto.set_raw_data(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// Puts the elements back wherever a tensor can lie.
class Filler {
public:
    Filler(const std::vector<base::SharedBytes>& blobs, const SourceBody& main) : blobs_(blobs), main_(main) {}

    void graph(onnx::GraphProto& proto) {
        for (auto& tensor : *proto.mutable_initializer())
            fill(tensor);
        for (auto& op : *proto.mutable_node())
            this->op(op);
    }
    void op(onnx::NodeProto& proto) {
        for (auto& attribute : *proto.mutable_attribute()) {
            if (attribute.has_t()) fill(*attribute.mutable_t());
            if (attribute.has_g()) graph(*attribute.mutable_g());
        }
    }

private:
    void fill(onnx::TensorProto& tensor) {
        if (tensor.has_blob()) return set_bytes(tensor, blobs_.at(tensor.blob()).view());
        if (tensor.data_location() != 1) return;
        // External weights come inside: the new file may stand in another folder.
        const auto found = main_.initialisers.find(tensor.name());
        if (found == main_.initialisers.end())
            fail(Code::unsupported, "tensor '", tensor.name(), "' in a subgraph keeps its data in another file");
        set_bytes(tensor, found->second.bytes.view());
    }

    const std::vector<base::SharedBytes>& blobs_;
    const SourceBody& main_;
};

std::uint64_t total_bytes(const SourceBody& body) {
    std::uint64_t out = 0;
    for (const auto& [name, tensor] : body.initialisers)
        out += tensor.bytes.size();
    return out;
}

}  // namespace

Model Model::with_initialisers(const std::map<std::string, Tensor>& values) const {
    auto source = std::make_shared<SourceModel>(*source_);
    auto message = std::make_shared<onnx::ModelProto>(*file_->message);
    auto blobs = file_->blobs;
    std::size_t replaced = 0;
    for (auto& proto : *message->mutable_graph()->mutable_initializer()) {
        const auto wanted = values.find(proto.name());
        if (wanted == values.end()) continue;
        const Tensor& tensor = wanted->second;
        source->body.initialisers[proto.name()] = {tensor.type(), tensor.shared_bytes(), {}};
        const std::string name = proto.name();
        proto.Clear();
        proto.set_name(name);
        proto.set_data_type(onnx_type(tensor.element()));
        for (const auto extent : tensor.shape())
            proto.add_dims(extent);
        proto.set_blob(static_cast<std::uint32_t>(blobs.size()));
        blobs.push_back(tensor.shared_bytes());
        ++replaced;
    }
    if (replaced != values.size()) {
        for (const auto& [name, tensor] : values)
            (void)initialiser(name);  // throws for the one that is not there
    }
    return {std::move(source), std::make_shared<const File>(File{std::move(message), std::move(blobs)})};
}

void save(const Model& model, const std::filesystem::path& path) {
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<int>::max());
    const std::uint64_t weights = total_bytes(model.source_->body);
    if (weights >= kMost)
        fail(Code::unsupported, "a model with ", weights, " bytes of weights cannot be written into one ONNX file");
    onnx::ModelProto message = *model.file_->message;
    Filler filler(model.file_->blobs, model.source_->body);
    filler.graph(*message.mutable_graph());
    for (auto& function : *message.mutable_functions()) {
        for (auto& op : *function.mutable_node())
            filler.op(op);
    }
    if (message.ByteSizeLong() >= kMost)
        fail(Code::unsupported, "the model takes ", message.ByteSizeLong(), " bytes, an ONNX file holds ", kMost);
    const std::string bytes = message.SerializeAsString();
    try {
        platform::replace_file(path, std::string_view(bytes));
    } catch (const std::system_error& error) {
        fail(Code::io, error.what());
    }
}

Tensor read_tensor(base::ByteView bytes) {
    const auto walked = walk_wire(base::SharedBytes::copy_of(bytes), WireRoot::tensor);
    onnx::TensorProto proto;
    if (!proto.ParseFromString(walked.message)) fail(Code::invalid_model, "not a TensorProto");
    auto blobs = walked.blobs;
    ExternalFiles nowhere({});
    return read_source_tensor(proto, blobs, nowhere).tensor();
}

}  // namespace shoal::importer
