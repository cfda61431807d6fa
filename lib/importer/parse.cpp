#include "importer/parse.hpp"

#include <google/protobuf/io/coded_stream.h>

#include "base/error.hpp"
#include "importer/onnx.pb.h"
#include "importer/structure.hpp"
#include "importer/tensor_data.hpp"
#include "importer/wire_walk.hpp"

namespace shoal::importer {
namespace {

using base::Code;
using base::fail;

std::string normal_domain(const std::string& domain) {
    return domain == "ai.onnx" ? std::string() : domain;
}

template <class List>
auto list_of(const List& list) {
    return std::vector<std::decay_t<decltype(*list.begin())>>(list.begin(), list.end());
}

Opsets read_opsets(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports) {
    Opsets out;
    for (const auto& import : imports) {
        const auto [at, fresh] = out.emplace(normal_domain(import.domain()), import.version());
        if (!fresh && at->second != import.version()) {
            fail(Code::invalid_model, "operator set '", at->first, "' is imported as version ", at->second, " and as ",
                 import.version());
        }
    }
    return out;
}

ValueInfo read_value_info(const onnx::ValueInfoProto& proto) {
    ValueInfo out;
    out.name = proto.name();
    const onnx::TypeProto& type = proto.type();
    if (type.has_sequence_type()) out.kind = "sequence";
    if (type.has_optional_type()) out.kind = "optional";
    if (type.has_sparse_tensor_type()) out.kind = "sparse tensor";
    if (!type.has_tensor_type()) return out;
    const auto& tensor = type.tensor_type();
    out.element = element_type(tensor.elem_type());
    if (!out.element && tensor.elem_type() != 0) out.kind = onnx_type_name(tensor.elem_type());
    if (!tensor.has_shape()) return out;
    if (tensor.shape().dim_size() > tensor::kMaxRank) {
        fail(Code::unsupported, "'", out.name, "' has ", tensor.shape().dim_size(), " dimensions, the most are ",
             tensor::kMaxRank);
    }
    out.dims.emplace();
    for (const auto& dim : tensor.shape().dim()) {
        if (dim.has_dim_value() && dim.dim_value() < 0 && dim.dim_value() != -1)
            fail(Code::invalid_model, "'", out.name, "' has a dimension of ", dim.dim_value());
        // Some exporters write -1, and older ones 0 in inputs, for what they do not know; 0 stays a number here.
        out.dims->push_back({dim.has_dim_value() ? dim.dim_value() : -1, dim.dim_param()});
    }
    return out;
}

class Reader {
public:
    Reader(std::vector<base::SharedBytes>& blobs, std::vector<std::filesystem::path> folders)
        : blobs_(blobs), external_(std::move(folders)) {}

    SourceBody body(onnx::GraphProto& proto, bool complete) {
        SourceBody out;
        out.name = proto.name();
        for (auto& tensor : *proto.mutable_initializer()) {
            if (tensor.name().empty()) fail(Code::invalid_model, "graph '", out.name, "' has a nameless initialiser");
            if (!out.initialisers.emplace(tensor.name(), read(tensor)).second)
                fail(Code::invalid_model, "graph '", out.name, "' has two initialisers '", tensor.name(), "'");
        }
        for (const auto& sparse : proto.sparse_initializer()) {
            SourceTensor refused;
            refused.refusal = "sparse initialiser '" + sparse.values().name() + "': sparse tensors are not supported";
            out.initialisers.emplace(sparse.values().name(), std::move(refused));
        }
        for (const auto& input : proto.input()) {
            out.inputs.push_back(read_value_info(input));
            out.inputs.back().has_default = out.initialisers.count(input.name()) != 0;
        }
        for (const auto& output : proto.output())
            out.outputs.push_back(read_value_info(output));
        ops(*proto.mutable_node(), out);
        settle(out, complete);
        return out;
    }

    SourceFunction function(onnx::FunctionProto& proto) {
        SourceFunction out;
        out.opsets = read_opsets(proto.opset_import());
        for (auto& attribute : *proto.mutable_attribute_proto())
            out.defaults.emplace(attribute.name(), value(attribute));
        out.body.name = proto.name();
        for (const auto& name : proto.input())
            out.body.inputs.push_back({name});
        for (const auto& name : proto.output())
            out.body.outputs.push_back({name});
        ops(*proto.mutable_node(), out.body);
        settle(out.body, true);
        return out;
    }

    [[nodiscard]] std::uint64_t tensor_bytes() const noexcept { return tensor_bytes_; }

private:
    void ops(google::protobuf::RepeatedPtrField<onnx::NodeProto>& protos, SourceBody& body) {
        body.ops.reserve(static_cast<std::size_t>(protos.size()));
        for (auto& proto : protos) {
            SourceOp op;
            op.domain = normal_domain(proto.domain());
            op.type = proto.op_type();
            op.overload = proto.overload();
            op.inputs = list_of(proto.input());
            op.outputs = list_of(proto.output());
            op.name = !proto.name().empty() ? proto.name()
                      : !op.outputs.empty() ? op.outputs[0]
                                            : base::text("number ", body.ops.size());
            if (op.type.empty()) fail(Code::invalid_model, "operator '", op.name, "' has no type");
            for (auto& attribute : *proto.mutable_attribute()) {
                if (!op.attributes.emplace(attribute.name(), value(attribute)).second)
                    fail(Code::invalid_model, describe(op), " has two attributes '", attribute.name(), "'");
            }
            body.ops.push_back(std::move(op));
        }
    }

    AttributeValue value(onnx::AttributeProto& proto) {
        if (!proto.ref_attr_name().empty()) return AttributeReference{proto.ref_attr_name()};
        switch (proto.has_type() ? proto.type() : guessed_type(proto)) {
            case 1: return static_cast<double>(proto.f());
            case 2: return proto.i();
            case 3: return proto.s();
            case 4: return read(*proto.mutable_t());
            case 5: return std::make_shared<const SourceBody>(body(*proto.mutable_g(), false));
            case 6: return std::vector<double>(proto.floats().begin(), proto.floats().end());
            case 7: return list_of(proto.ints());
            case 8: return list_of(proto.strings());
            default: return ForeignAttribute{base::text("attribute kind ", proto.type())};
        }
    }

    SourceTensor read(onnx::TensorProto& proto) {
        SourceTensor out = read_source_tensor(proto, blobs_, external_);
        tensor_bytes_ += out.bytes.size();
        return out;
    }

    // Files older than IR version 3 do not say which field holds the value.
    static int guessed_type(const onnx::AttributeProto& proto) {
        if (proto.has_f()) return 1;
        if (proto.has_i()) return 2;
        if (proto.has_s()) return 3;
        if (proto.has_t()) return 4;
        if (proto.has_g()) return 5;
        if (proto.floats_size() > 0) return 6;
        if (proto.strings_size() > 0) return 8;
        return 7;  // an empty list is a list of integers wherever it occurs
    }

    std::vector<base::SharedBytes>& blobs_;
    ExternalFiles external_;
    std::uint64_t tensor_bytes_ = 0;
};

std::string producer_of(const onnx::ModelProto& proto) {
    if (proto.producer_version().empty()) return proto.producer_name();
    return proto.producer_name() + " " + proto.producer_version();
}

}  // namespace

Parsed parse_model(const base::SharedBytes& file, std::vector<std::filesystem::path> folders,
                   const std::string& called) {
    Walked walked = walk_wire(file, WireRoot::model);
    auto message = std::make_shared<onnx::ModelProto>();
    if (!message->ParseFromString(walked.message))
        fail(Code::invalid_model, "not an ONNX model: its ", file.size(),
             " bytes do not follow the format; is the file cut off?");
    if (!message->has_graph()) fail(Code::invalid_model, "not an ONNX model: it has no graph");
    return read_message(std::move(message), std::move(walked.blobs), std::move(folders), called);
}

Parsed read_message(std::shared_ptr<onnx::ModelProto> message, std::vector<base::SharedBytes> blobs,
                    std::vector<std::filesystem::path> folders, const std::string& called) {
    auto source = std::make_shared<SourceModel>();
    source->producer = producer_of(*message);
    source->ir_version = message->ir_version();
    source->opsets = read_opsets(message->opset_import());
    if (source->opsets.empty()) source->opsets.emplace("", 1);  // IR versions 1 and 2 know no operator sets
    Reader reader(blobs, std::move(folders));
    source->body = reader.body(*message->mutable_graph(), true);
    source->name = source->body.name;
    source->called = called.empty() ? source->name : called;
    for (auto& function : *message->mutable_functions()) {
        const auto key = function_key(normal_domain(function.domain()), function.name(), function.overload());
        if (!source->functions.emplace(key, reader.function(function)).second)
            fail(Code::invalid_model, "function '", function.domain(), ".", function.name(), "' is defined twice");
    }
    source->tensor_bytes = reader.tensor_bytes();
    expect_no_recursion(*source);
    return {std::move(source), std::move(message), std::move(blobs)};
}

}  // namespace shoal::importer
