#include "importer/quantise.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <unordered_set>

#include "base/error.hpp"
#include "importer/edit.hpp"
#include "importer/raise_opset.hpp"
#include "importer/round_weights.hpp"
#include "importer/tensor_data.hpp"

namespace shoal::importer {
namespace {

using base::Code;
using base::fail;
using Op = onnx::NodeProto;

// How a weight is read: everything that reads it must agree.
enum class Use { columns_first, rows_first, convolution, otherwise };

bool is_plain(const Op& op, std::string_view type) {
    return (op.domain().empty() || op.domain() == "ai.onnx") && op.op_type() == type;
}

Use use_of(const Op& op, int input, int rank) {
    if (input != 1) return Use::otherwise;
    if (is_plain(op, "MatMul") && rank == 2) return Use::columns_first;
    if (is_plain(op, "Conv") && rank >= 3) return Use::convolution;
    if (!is_plain(op, "Gemm") || rank != 2) return Use::otherwise;
    return integer_or(op, "transB", 0) != 0 ? Use::rows_first : Use::columns_first;
}

// The tensor of a Constant, or nullptr.
const onnx::TensorProto* constant_of(const Op& op) {
    const auto* value = is_plain(op, "Constant") && op.output_size() == 1 ? find_attribute(op, "value") : nullptr;
    return value != nullptr && value->has_t() ? &value->t() : nullptr;
}

std::unordered_set<std::string> names_defined(const onnx::GraphProto& graph) {
    std::unordered_set<std::string> out;
    for (const auto& input : graph.input())
        out.insert(input.name());
    for (const auto& tensor : graph.initializer())
        out.insert(tensor.name());
    for (const Op& op : graph.node())
        out.insert(op.output().begin(), op.output().end());
    return out;
}

// Calls `visit(op, input)` for everything in `op` that reads the name of a body around it, bodies inside included.
void for_each_input(Op& op, const std::function<void(Op& reader, int input)>& visit) {
    for (int i = 0; i < op.input_size(); ++i)
        visit(op, i);
    for (auto& attribute : *op.mutable_attribute()) {
        if (!attribute.has_g()) continue;
        const auto own = names_defined(attribute.g());
        for (Op& inner : *attribute.mutable_g()->mutable_node()) {
            for_each_input(inner, [&](Op& reader, int i) {
                if (own.count(reader.input(i)) == 0) visit(reader, i);
            });
        }
    }
}

void for_each_output(const onnx::GraphProto& graph, const std::function<void(const std::string&)>& visit) {
    for (const auto& output : graph.output())
        visit(output.name());
    for (const Op& op : graph.node()) {
        for (const auto& attribute : op.attribute()) {
            if (attribute.has_g()) for_each_output(attribute.g(), visit);
        }
    }
}

struct Weight {
    onnx::TensorProto tensor;
    Use use;
};

// Every weight worth it that stands in this very graph, as an initialiser or a Constant, by name. Products that read it
// either way agree on one of the two orders.
std::map<std::string, Weight> find_weights(onnx::GraphProto& graph, std::int64_t least) {
    std::map<std::string, const onnx::TensorProto*> tensors;
    for (const auto& tensor : graph.initializer())
        tensors.emplace(tensor.name(), &tensor);
    for (const Op& op : graph.node()) {
        if (const auto* tensor = constant_of(op)) tensors.emplace(op.output(0), tensor);
    }
    std::erase_if(tensors, [&](const auto& entry) {
        std::int64_t count = 1;
        for (const auto extent : entry.second->dims())
            count *= extent;
        return entry.second->data_type() != onnx_type(ElementType::f32) || count < least;
    });
    std::map<std::string, Weight> out;
    const auto is_product = [](Use use) { return use == Use::columns_first || use == Use::rows_first; };
    const auto note = [&](const std::string& name, Use use) {
        const auto [at, fresh] = out.emplace(name, Weight{*tensors.at(name), use});
        if (!fresh && at->second.use != use && !(is_product(use) && is_product(at->second.use)))
            at->second.use = Use::otherwise;
    };
    for (Op& op : *graph.mutable_node()) {
        for_each_input(op, [&](const Op& reader, int i) {
            const auto found = tensors.find(reader.input(i));
            if (found != tensors.end()) note(found->first, use_of(reader, i, found->second->dims_size()));
        });
    }
    for_each_output(graph, [&](const std::string& name) {
        if (tensors.count(name) != 0) note(name, Use::otherwise);
    });
    std::erase_if(out, [](const auto& entry) { return entry.second.use == Use::otherwise; });
    return out;
}

bool has_weights(onnx::GraphProto& graph, std::int64_t least) {
    if (!find_weights(graph, least).empty()) return true;
    for (Op& op : *graph.mutable_node()) {
        for (auto& attribute : *op.mutable_attribute()) {
            if (attribute.has_g() && has_weights(*attribute.mutable_g(), least)) return true;
        }
    }
    return false;
}

// A weight as integers, scales and the shape in which they stand, blocks along `axis`.
struct Stored {
    Tensor values, scales;
    Shape shape;
    int axis;
    bool blocked;
};

Stored stored(const Tensor& weight, Use use, const WeightQuantisation& how) {
    const Shape& shape = weight.shape();
    const bool columns_first = use == Use::columns_first;
    const std::int64_t outer = columns_first ? shape[1] : shape[0],
                       inner = weight.count() / std::max<std::int64_t>(outer, 1);
    const bool blocked = how.block > 0 && how.block < inner;
    const std::int64_t block = blocked ? how.block : std::max<std::int64_t>(inner, 1);
    const auto* numbers = reinterpret_cast<const float*>(weight.bytes().data());
    const auto rounded = round_weights({{numbers, static_cast<std::size_t>(weight.count())},
                                        outer,
                                        inner,
                                        columns_first ? 1 : inner,
                                        columns_first ? outer : 1},
                                       block, how.bits);
    Stored out;
    out.blocked = blocked;
    out.shape = columns_first ? shape : Shape{outer, inner};
    out.axis = columns_first == blocked ? 0 : 1;  // of the blocks, or of the columns that have a scale each
    Shape scales{outer};
    if (blocked) scales = columns_first ? Shape{rounded.blocks, outer} : Shape{outer, rounded.blocks};
    out.scales = tensor::from_doubles(ElementType::f32, scales, rounded.scales);
    out.values = tensor::from_doubles(how.bits == 4 ? ElementType::i4 : ElementType::i8, out.shape, rounded.values);
    return out;
}

class Quantiser {
public:
    Quantiser(const Model& model, const WeightQuantisation& how) : how_(how), edit_(model) {}

    QuantisedWeights run() {
        if (how_.portable && has_weights(edit_.graph(), how_.least))
            raise_opset(edit_, how_.bits == 4 || how_.block > 0 ? 21 : 13);
        rewrite(edit_.graph());
        std::sort(names_.begin(), names_.end());
        return {std::move(edit_).finish(), std::move(names_), before_, after_};
    }

private:
    using Ops = google::protobuf::RepeatedPtrField<Op>;

    void rewrite(onnx::GraphProto& graph) {
        const auto weights = find_weights(graph, how_.least);
        std::map<std::string, std::string> made;
        Ops out;
        for (Op& op : *graph.mutable_node()) {
            if (constant_of(op) != nullptr && weights.count(op.output(0)) != 0) continue;
            for_each_input(op, [&](Op& reader, int i) {
                const auto weight = weights.find(reader.input(i));
                if (weight == weights.end()) return;
                const auto [at, fresh] = made.try_emplace(weight->first);
                if (fresh) at->second = dequantised(weight->first, weight->second, out);
                reader.set_input(i, at->second);
            });
            for (auto& attribute : *op.mutable_attribute()) {
                if (attribute.has_g()) rewrite(*attribute.mutable_g());
            }
            *out.Add() = std::move(op);
        }
        graph.mutable_node()->Swap(&out);
        for (const auto& [name, weight] : weights)
            Edit::remove_initialiser(graph, name);
    }

    // The name of the weight's numbers as reals, made right before they are first read.
    std::string dequantised(const std::string& name, const Weight& source, Ops& out) {
        const Tensor weight = edit_.tensor(source.tensor);
        const auto numbers = weight.as<float>();
        if (!std::all_of(numbers.begin(), numbers.end(), [](float number) { return std::isfinite(number); }))
            fail(Code::unsupported, "weight '", name, "' has numbers that are not finite; they have no place in ",
                 how_.bits, " bits");
        const Stored as = stored(weight, source.use, how_);
        names_.push_back(name);
        before_ += weight.bytes().size();
        after_ += as.values.bytes().size() + as.scales.bytes().size();
        const std::string values = edit_.add_constant(name + "_quantized", as.values),
                          scales = edit_.add_constant(name + "_scale", as.scales),
                          real = edit_.fresh_name(name + "_dequantized");
        const bool reshaped = as.shape != weight.shape();
        Op& op = *out.Add();
        op.set_op_type("DequantizeLinear");
        op.set_name(edit_.fresh_name(name + "/DequantizeLinear"));
        if (!how_.portable) op.set_domain("com.microsoft");
        for (const auto& input : {values, scales})
            op.add_input(input);
        op.add_output(reshaped ? edit_.fresh_name(name + "_matrix") : real);
        set_attribute(op, "axis", std::int64_t{as.axis});
        if (as.blocked) set_attribute(op, "block_size", how_.block);
        if (reshaped) {
            const std::string matrix = op.output(0);
            std::vector<double> extents(weight.shape().begin(), weight.shape().end());
            const Shape rank{weight.shape().rank()};
            Op& reshape = *out.Add();
            reshape.set_op_type("Reshape");
            reshape.set_name(edit_.fresh_name(name + "/Reshape"));
            reshape.add_input(matrix);
            reshape.add_input(
                edit_.add_constant(name + "_shape", tensor::from_doubles(ElementType::i64, rank, extents)));
            reshape.add_output(real);
        }
        return real;
    }

    WeightQuantisation how_;
    Edit edit_;
    std::vector<std::string> names_;
    std::uint64_t before_ = 0, after_ = 0;
};

}  // namespace

QuantisedWeights quantise_weights(const Model& model, const WeightQuantisation& how) {
    if (how.bits != 8 && how.bits != 4)
        fail(Code::invalid_argument, "weights of ", how.bits, " bits; 8 and 4 are known");
    if (how.block < 0 || how.block == 1)
        fail(Code::invalid_argument, "blocks of ", how.block, " weights; 0 or at least 2");
    return Quantiser(model, how).run();
}

}  // namespace shoal::importer
