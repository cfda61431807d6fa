#include "importer/quantise.hpp"

#include <algorithm>
#include <map>

#include "base/error.hpp"
#include "importer/edit.hpp"
#include "importer/raise_opset.hpp"
#include "importer/round_weights.hpp"
#include "importer/source.hpp"

namespace shoal::importer {
namespace {

using base::Code;
using base::fail;
using Op = onnx::NodeProto;

// How a weight is read: everything that reads it must agree.
enum class Use { columns_first, rows_first, convolution, otherwise };

bool is_plain(const SourceOp& op, std::string_view type) {
    return op.domain.empty() && op.type == type;
}

Use use_of(const SourceOp& op, std::size_t input, const Shape& shape) {
    if (input != 1) return Use::otherwise;
    if (is_plain(op, "MatMul") && shape.rank() == 2) return Use::columns_first;
    if (is_plain(op, "Conv") && shape.rank() >= 3) return Use::convolution;
    if (!is_plain(op, "Gemm") || shape.rank() != 2) return Use::otherwise;
    const auto transposed = op.attributes.find("transB");
    const bool rows = transposed != op.attributes.end() && std::get_if<std::int64_t>(&transposed->second) != nullptr &&
                      std::get<std::int64_t>(transposed->second) != 0;
    return rows ? Use::rows_first : Use::columns_first;
}

// Every weight worth it, by name, with its one use.
std::map<std::string, Use> find_weights(const SourceBody& body, std::int64_t least) {
    std::map<std::string, Use> out;
    const auto is_weight = [&](const std::string& name) {
        const auto found = body.initialisers.find(name);
        return found != body.initialisers.end() && found->second.refusal.empty() &&
               found->second.type.element == ElementType::f32 && found->second.type.shape.count() >= least;
    };
    const auto note = [&](const std::string& name, Use use) {
        if (!is_weight(name)) return;
        const auto [at, fresh] = out.emplace(name, use);
        if (!fresh && at->second != use) at->second = Use::otherwise;
    };
    for (const auto& op : body.ops) {
        for (std::size_t i = 0; i < op.inputs.size(); ++i) {
            const auto found = body.initialisers.find(op.inputs[i]);
            if (found != body.initialisers.end()) note(op.inputs[i], use_of(op, i, found->second.type.shape));
        }
        for (const auto& [name, value] : op.attributes) {
            const auto* inner = std::get_if<std::shared_ptr<const SourceBody>>(&value);
            if (inner == nullptr) continue;
            for (const auto& captured : (*inner)->captured)
                note(captured, Use::otherwise);
        }
    }
    for (const auto& output : body.outputs)
        note(output.name, Use::otherwise);
    std::erase_if(out, [](const auto& entry) { return entry.second == Use::otherwise; });
    return out;
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
    Quantiser(const Model& model, const WeightQuantisation& how)
        : model_(model), how_(how), uses_(find_weights(model.source()->body, how.least)), edit_(model) {}

    QuantisedWeights run() {
        if (how_.portable && !uses_.empty()) raise_opset(edit_, how_.bits == 4 || how_.block > 0 ? 21 : 13);
        auto& ops = *edit_.graph().mutable_node();
        google::protobuf::RepeatedPtrField<Op> out;
        for (auto& op : ops) {
            for (int i = 0; i < op.input_size(); ++i) {
                if (uses_.count(op.input(i)) != 0) op.set_input(i, dequantised(op.input(i), out));
            }
            *out.Add() = std::move(op);
        }
        ops.Swap(&out);
        std::vector<std::string> names;
        for (const auto& [name, made] : made_) {
            edit_.remove_initialiser(name);
            names.push_back(name);
        }
        return {std::move(edit_).finish(), std::move(names), before_, after_};
    }

private:
    // The name of the weight's numbers as reals, made right before they are first read.
    std::string dequantised(const std::string& name, google::protobuf::RepeatedPtrField<Op>& out) {
        if (const auto known = made_.find(name); known != made_.end()) return known->second;
        const Tensor weight = model_.initialiser(name);
        const Stored as = stored(weight, uses_.at(name), how_);
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
        return made_[name] = real;
    }

    const Model& model_;
    WeightQuantisation how_;
    std::map<std::string, Use> uses_;
    Edit edit_;
    std::map<std::string, std::string> made_;
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
