#include "importer/raise_opset.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.hpp"
#include "importer/tensor_data.hpp"

namespace shoal::importer {
namespace {

using base::Code;
using base::fail;
using tensor::ElementType;
using tensor::Shape;
using tensor::Tensor;
using Ops = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

constexpr std::int64_t kOldest = 7;     // before it, operators broadcast by attributes
constexpr std::int64_t kCastLike = 15;  // has it

// What a rule sees: one operator, and where others may be put before and behind it.
struct Site {
    Edit& edit;
    onnx::NodeProto& op;
    std::int64_t to;  // the version that it is raised to
    bool only_f32;    // no value of the model is of another floating type
    const Ops& done;  // of the same graph, in front of it
    std::vector<onnx::NodeProto> before{}, behind{};

    onnx::NodeProto& add(std::vector<onnx::NodeProto>& to, const char* type, const std::vector<std::string>& inputs,
                         const std::string& output) const {
        to.emplace_back();
        to.back().set_op_type(type);
        to.back().set_name(edit.fresh_name(op.name() + "/" + type));
        for (const auto& input : inputs)
            to.back().add_input(input);
        to.back().add_output(output);
        return to.back();
    }
    // Input number i, with those before it left out where there are none.
    void set_input(int i, const std::string& name) const {
        while (op.input_size() <= i)
            op.add_input("");
        op.set_input(i, name);
    }
    [[nodiscard]] std::string name(const char* what) const { return op.output(0) + "_" + what; }
    // The value of a constant, be it an initialiser or an operator.
    [[nodiscard]] std::optional<Tensor> constant(const std::string& name) const {
        for (const auto& other : done) {
            if (other.op_type() != "Constant" || other.output_size() != 1 || other.output(0) != name) continue;
            const auto* value = find_attribute(other, "value");
            return value != nullptr ? std::optional(edit.tensor(value->t())) : std::nullopt;
        }
        return edit.find_initialiser(name);
    }
};

bool ints_become_input(Site& site, const char* attribute, int input) {
    const auto* found = find_attribute(site.op, attribute);
    if (found == nullptr) return true;
    std::vector<double> values(found->ints().begin(), found->ints().end());
    if (found->ints_size() == 0 && found->has_i()) values = {static_cast<double>(found->i())};
    const Shape shape{static_cast<std::int64_t>(values.size())};
    site.set_input(input,
                   site.edit.add_constant(site.name(attribute), tensor::from_doubles(ElementType::i64, shape, values)));
    remove_attribute(site.op, attribute);
    return true;
}

// An attribute was a number whatever it met; an input must be of the type of input 0.
bool real_becomes_input(Site& site, const char* attribute, int input) {
    const auto* found = find_attribute(site.op, attribute);
    if (found == nullptr) return true;
    if (!site.only_f32 && site.to < kCastLike) return false;
    const double value = static_cast<double>(found->f());
    std::string name = site.edit.add_constant(site.name(attribute),
                                              tensor::from_doubles(ElementType::f32, Shape{}, std::array{value}));
    if (!site.only_f32) {
        const std::string cast = site.edit.fresh_name(name + "_cast");
        site.add(site.before, "CastLike", {name, site.op.input(0)}, cast);
        name = cast;
    }
    site.set_input(input, name);
    remove_attribute(site.op, attribute);
    return true;
}

bool axes(Site& site) {
    return ints_become_input(site, "axes", 1);
}
bool split(Site& site) {
    if (find_attribute(site.op, "split") != nullptr) return ints_become_input(site, "split", 1);
    return true;
}
bool split_count(Site& site) {
    if (site.op.input_size() < 2 || site.op.input(1).empty())
        set_attribute(site.op, "num_outputs", std::int64_t{site.op.output_size()});
    return true;
}
bool clip(Site& site) {
    return real_becomes_input(site, "min", 1) && real_becomes_input(site, "max", 2);
}
bool pad(Site& site) {
    return ints_become_input(site, "pads", 1) && real_becomes_input(site, "value", 2);
}
bool slice(Site& site) {
    return ints_become_input(site, "starts", 1) && ints_become_input(site, "ends", 2) &&
           ints_become_input(site, "axes", 3);
}
bool topk(Site& site) {
    return ints_become_input(site, "k", 1);
}
bool dropout(Site& site) {
    remove_attribute(site.op, "ratio");
    return site.op.output_size() == 1;
}
bool batch_norm(Site& site) {
    if (integer_or(site.op, "spatial", 1) == 0) return false;
    remove_attribute(site.op, "spatial");
    return site.op.output_size() == 1;
}
bool scatter(Site& site) {
    site.op.set_op_type("ScatterElements");
    return true;
}
bool roi_align(Site& site) {
    if (find_attribute(site.op, "coordinate_transformation_mode") == nullptr)
        set_attribute(site.op, "coordinate_transformation_mode", std::string("output_half_pixel"));
    return true;
}
bool grid_sample(Site& site) {
    const auto* mode = find_attribute(site.op, "mode");
    if (mode == nullptr || mode->s() == "bilinear") set_attribute(site.op, "mode", std::string("linear"));
    if (mode != nullptr && mode->s() == "bicubic") set_attribute(site.op, "mode", std::string("cubic"));
    return true;
}
// Which way the nearest element lies in Resize of version 10: down along axes that grow, up along those that shrink.
// There is one word for both only where all axes go the same way; nothing when they do not, or nobody knows.
std::optional<std::string> direction(const Site& site) {
    if (site.op.op_type() == "Upsample") return "floor";
    const auto known = site.constant(site.op.input(1));
    if (!known) return std::nullopt;
    const auto scales = tensor::to_doubles(*known);
    const bool grows = std::any_of(scales.begin(), scales.end(), [](double scale) { return scale > 1; });
    const bool shrinks = std::any_of(scales.begin(), scales.end(), [](double scale) { return scale < 1; });
    if (grows && shrinks) return std::nullopt;
    return shrinks ? "ceil" : "floor";
}

// Both take x and scales; what they do to coordinates has a name since.
bool resize(Site& site) {
    if (const auto* scales = find_attribute(site.op, "scales")) {
        std::vector<double> values(scales->floats().begin(), scales->floats().end());
        const Shape shape{static_cast<std::int64_t>(values.size())};
        site.set_input(
            1, site.edit.add_constant(site.name("scales"), tensor::from_doubles(ElementType::f32, shape, values)));
        remove_attribute(site.op, "scales");
    }
    if (site.op.input_size() != 2) return false;
    const auto* mode = find_attribute(site.op, "mode");
    if (mode == nullptr || mode->s() == "nearest") {
        const auto nearest = direction(site);
        if (!nearest) return false;
        set_attribute(site.op, "nearest_mode", *nearest);
    }
    const std::string scales = site.op.input(1);
    site.set_input(2, scales);
    site.op.set_input(1, "");
    site.op.set_op_type("Resize");
    set_attribute(site.op, "coordinate_transformation_mode", std::string("asymmetric"));
    return true;
}
// All axes from `axis` on used to count as one.
bool flattening(Site& site) {
    const std::int64_t axis = integer_or(site.op, "axis", 1);
    set_attribute(site.op, "axis", std::int64_t{-1});
    if (axis == -1) return true;
    const std::string x = site.op.input(0), y = site.op.output(0);
    const std::string shape = site.edit.fresh_name(y + "_shape"), flat = site.edit.fresh_name(y + "_flat"),
                      done = site.edit.fresh_name(y + "_done");
    site.add(site.before, "Shape", {x}, shape);
    set_attribute(site.add(site.before, "Flatten", {x}, flat), "axis", axis);
    site.op.set_input(0, flat);
    site.op.set_output(0, done);
    site.add(site.behind, "Reshape", {done, shape}, y);
    return true;
}
bool never(Site&) {
    return false;
}

// An operator whose form changed with version `since`, and how the form before becomes the new one; false: not at all.
struct Rule {
    std::string_view type;
    std::int64_t since;
    bool (*apply)(Site&);
};
constexpr Rule kRules[] = {
    {"BatchNormalization", 9, batch_norm},
    {"Upsample", 10, resize},
    {"Scan", 9, never},
    {"Slice", 10, slice},
    {"TopK", 10, topk},
    {"Clip", 11, clip},
    {"Pad", 11, pad},
    {"Resize", 11, resize},
    {"Scatter", 11, scatter},
    {"Dropout", 12, dropout},
    {"Hardmax", 13, flattening},
    {"LogSoftmax", 13, flattening},
    {"ReduceSum", 13, axes},
    {"Softmax", 13, flattening},
    {"Split", 13, split},
    {"Squeeze", 13, axes},
    {"Unsqueeze", 13, axes},
    {"BatchNormalization", 14, batch_norm},
    {"RoiAlign", 16, roi_align},
    {"ReduceL1", 18, axes},
    {"ReduceL2", 18, axes},
    {"ReduceLogSum", 18, axes},
    {"ReduceLogSumExp", 18, axes},
    {"ReduceMax", 18, axes},
    {"ReduceMean", 18, axes},
    {"ReduceMin", 18, axes},
    {"ReduceProd", 18, axes},
    {"ReduceSumSquare", 18, axes},
    {"Split", 18, split_count},
    {"DFT", 20, never},
    {"GridSample", 20, grid_sample},
    {"GroupNormalization", 21, never},
};

// The IR version that a file needs to import this version of ai.onnx.
std::int64_t ir_version_for(std::int64_t opset) {
    return opset >= 21 ? 10 : opset >= 19 ? 9 : opset >= 15 ? 8 : opset >= 12 ? 7 : 6;
}

bool is_other_float(std::int64_t onnx_type) {
    const auto element = element_type(onnx_type);
    return element && tensor::is_floating(*element) && *element != ElementType::f32;
}

// True unless an input, a tensor or an attribute that names a type brings in another floating type.
template <class Graph>
bool has_only_f32(const Graph& graph) {
    if constexpr (requires { graph.initializer(); }) {
        for (const auto& input : graph.input())
            if (is_other_float(input.type().tensor_type().elem_type())) return false;
        for (const auto& tensor : graph.initializer())
            if (is_other_float(tensor.data_type())) return false;
    }
    for (const auto& op : graph.node()) {
        for (const auto& attribute : op.attribute()) {
            const auto& name = attribute.name();
            const bool type = name == "to" || name.find("dtype") != std::string::npos;
            if (type && is_other_float(attribute.i())) return false;
            if (attribute.has_t() && is_other_float(attribute.t().data_type())) return false;
            if (attribute.has_g() && !has_only_f32(attribute.g())) return false;
        }
    }
    return true;
}

bool has_only_f32(const onnx::ModelProto& model) {
    return has_only_f32(model.graph()) && std::all_of(model.functions().begin(), model.functions().end(),
                                                      [](const auto& function) { return has_only_f32(function); });
}

struct Raise {
    Edit& edit;
    std::int64_t from, to;
    bool only_f32;
    std::set<std::string>& refused;
};

void raise(Ops& ops, const Raise& how) {
    Ops out;
    for (auto& op : ops) {
        for (auto& attribute : *op.mutable_attribute()) {
            if (attribute.has_g()) raise(*attribute.mutable_g()->mutable_node(), how);
        }
        Site site{how.edit, op, how.to, how.only_f32, out};
        if (op.domain().empty() || op.domain() == "ai.onnx") {
            // By number: a rule may give the operator another type.
            for (const Rule& rule : kRules) {
                if (op.op_type() != rule.type || rule.since <= how.from || rule.since > how.to) continue;
                const std::string type = op.op_type();
                if (!rule.apply(site)) how.refused.insert(type);
                if (type != op.op_type()) break;  // the new form is the newest one
            }
        }
        for (auto& added : site.before)
            *out.Add() = std::move(added);
        *out.Add() = std::move(op);
        for (auto& added : site.behind)
            *out.Add() = std::move(added);
    }
    ops.Swap(&out);
}

}  // namespace

void raise_opset(Edit& edit, std::int64_t opset) {
    onnx::OperatorSetIdProto* import = nullptr;
    for (auto& own : *edit.message().mutable_opset_import()) {
        if (own.domain().empty() || own.domain() == "ai.onnx") import = &own;
    }
    if (import == nullptr) {
        import = edit.message().add_opset_import();
        import->set_version(1);
    }
    const std::int64_t from = import->version();
    edit.message().set_ir_version(std::max(edit.message().ir_version(), ir_version_for(std::max(from, opset))));
    if (from >= opset) return;
    if (from < kOldest) {
        fail(Code::unsupported, "the model is written for version ", from, " of ai.onnx; it is raised to ", opset,
             " from ", kOldest, " on");
    }
    std::set<std::string> refused;
    raise(*edit.graph().mutable_node(), {edit, from, opset, has_only_f32(edit.message()), refused});
    if (!refused.empty()) {
        std::string list;
        for (const auto& type : refused)
            list += (list.empty() ? "" : ", ") + type;
        fail(Code::unsupported, "the model cannot be raised from version ", from, " of ai.onnx to ", opset, ": ", list,
             "; export it for a newer version");
    }
    import->set_version(opset);
}

}  // namespace shoal::importer
