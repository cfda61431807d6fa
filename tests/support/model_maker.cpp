#include "support/model_maker.hpp"

#include "importer/tensor_data.hpp"
#include "runtime/host_backend.hpp"

namespace shoal::test {

void fill(onnx::TensorProto& proto, const Tensor& tensor, bool raw) {
    for (const auto extent : tensor.shape())
        proto.add_dims(extent);
    proto.set_data_type(importer::onnx_type(tensor.element()));
    if (raw) {
        proto.set_raw_data(reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size());
        return;
    }
    switch (tensor.element()) {
        case ElementType::f32:
            for (const double value : tensor::to_doubles(tensor))
                proto.add_float_data(static_cast<float>(value));
            break;
        case ElementType::f64:
            for (const double value : tensor::to_doubles(tensor))
                proto.add_double_data(value);
            break;
        case ElementType::i64:
            for (const auto value : tensor::to_ints(tensor))
                proto.add_int64_data(value);
            break;
        case ElementType::u32:
        case ElementType::u64:
            for (const auto value : tensor::to_ints(tensor))
                proto.add_uint64_data(static_cast<std::uint64_t>(value));
            break;
        case ElementType::f16:
        case ElementType::bf16:
            for (std::size_t i = 0; i + 1 < tensor.bytes().size(); i += 2)
                proto.add_int32_data(std::to_integer<int>(tensor.bytes()[i]) |
                                     std::to_integer<int>(tensor.bytes()[i + 1]) << 8);
            break;
        case ElementType::i4:
        case ElementType::u4:
            for (const std::byte value : tensor.bytes())
                proto.add_int32_data(std::to_integer<int>(value));
            break;
        default:
            for (const auto value : tensor::to_ints(tensor))
                proto.add_int32_data(static_cast<std::int32_t>(value));
    }
}

namespace {

struct AttributeFiller {
    onnx::AttributeProto& proto;

    void operator()(std::int64_t value) const { proto.set_i(value), proto.set_type(2); }
    void operator()(double value) const { proto.set_f(static_cast<float>(value)), proto.set_type(1); }
    void operator()(const std::string& value) const { proto.set_s(value), proto.set_type(3); }
    void operator()(const std::vector<std::int64_t>& values) const {
        for (const auto value : values)
            proto.add_ints(value);
        proto.set_type(7);
    }
    void operator()(const std::vector<double>& values) const {
        for (const auto value : values)
            proto.add_floats(static_cast<float>(value));
        proto.set_type(6);
    }
    void operator()(const std::vector<std::string>& values) const {
        for (const auto& value : values)
            proto.add_strings(value);
        proto.set_type(8);
    }
    void operator()(const Tensor& value) const { fill(*proto.mutable_t(), value), proto.set_type(4); }
    void operator()(const onnx::GraphProto& value) const { *proto.mutable_g() = value, proto.set_type(5); }
};

}  // namespace

void fill(onnx::AttributeProto& proto, const std::string& name, const AttributeInput& value) {
    proto.set_name(name);
    std::visit(AttributeFiller{proto}, value);
}

GraphMaker& GraphMaker::input(const std::string& name, ElementType element, const std::vector<DimInput>& dims) {
    auto& info = *proto_.add_input();
    info.set_name(name);
    auto& type = *info.mutable_type()->mutable_tensor_type();
    type.set_elem_type(importer::onnx_type(element));
    type.mutable_shape();
    for (const auto& dim : dims) {
        auto& added = *type.mutable_shape()->add_dim();
        if (const auto* size = std::get_if<std::int64_t>(&dim))
            added.set_dim_value(*size);
        else
            added.set_dim_param(std::get<std::string>(dim));
    }
    return *this;
}

GraphMaker& GraphMaker::output(const std::string& name) {
    proto_.add_output()->set_name(name);
    return *this;
}

GraphMaker& GraphMaker::initialiser(const std::string& name, const Tensor& tensor, bool raw) {
    auto& proto = *proto_.add_initializer();
    proto.set_name(name);
    fill(proto, tensor, raw);
    return *this;
}

GraphMaker& GraphMaker::op(const std::string& type, const std::vector<std::string>& inputs,
                           const std::vector<std::string>& outputs, const AttributeList& attributes,
                           const std::string& domain) {
    auto& op = *proto_.add_node();
    op.set_op_type(type);
    op.set_domain(domain);
    for (const auto& name : inputs)
        op.add_input(name);
    for (const auto& name : outputs)
        op.add_output(name);
    for (const auto& [name, value] : attributes)
        fill(*op.add_attribute(), name, value);
    return *this;
}

ModelMaker::ModelMaker(std::int64_t opset) {
    proto_.set_ir_version(8);
    proto_.set_producer_name("shoal tests");
    proto_.mutable_graph()->set_name("main");
    import("", opset);
}

ModelMaker& ModelMaker::import(const std::string& domain, std::int64_t version) {
    auto& added = *proto_.add_opset_import();
    added.set_domain(domain);
    added.set_version(version);
    return *this;
}

importer::Model parse(const std::string& bytes) {
    return importer::Model::parse(base::SharedBytes::copy_of(std::as_bytes(std::span(bytes.data(), bytes.size()))));
}

importer::Model ModelMaker::model() const {
    return parse(bytes());
}

std::string small_model() {
    ModelMaker maker;
    maker.import("shoal.test", 1);
    auto& function = *maker.proto().add_functions();
    function.set_domain("shoal.test");
    function.set_name("Scaled");
    function.add_input("x");
    function.add_output("y");
    function.add_attribute("by");
    auto& imported = *function.add_opset_import();
    imported.set_version(17);
    auto& leaky = *function.add_node();
    leaky.set_op_type("LeakyRelu");
    leaky.add_input("x");
    leaky.add_output("y");
    auto& reference = *leaky.add_attribute();
    reference.set_name("alpha");
    reference.set_ref_attr_name("by");
    reference.set_type(1);

    onnx::GraphProto yes, no;
    GraphMaker(yes).op("Add", {"scaled", "one"}, {"more"}).output("more");
    GraphMaker(no).op("Sub", {"scaled", "one"}, {"less"}).output("less");
    auto graph = maker.graph();
    graph.input("x", ElementType::f32, {"N", 3, 8, 8}).input("flag", ElementType::boolean, {});
    graph.initialiser("w", Tensor(tensor::Type{ElementType::f32, Shape{4, 3, 3, 3}}));
    graph.initialiser("one", floats({}, {1}), false);
    graph.initialiser("shape", ints({2}, {0, -1}));
    graph.op("Conv", {"x", "w"}, {"c"}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
    graph.op("Scaled", {"c"}, {"scaled"}, {{"by", 0.25}}, "shoal.test");
    graph.op("If", {"flag"}, {"chosen"}, {{"then_branch", yes}, {"else_branch", no}});
    graph.op("Reshape", {"chosen", "shape"}, {"flat"});
    graph.op("Softmax", {"flat"}, {"y"}, {{"axis", std::int64_t{-1}}});
    graph.output("y");
    return maker.bytes();
}

Tensor left_out() {
    return Tensor(tensor::Type{ElementType::boolean, Shape{0}});
}

importer::Model one_op(const std::string& type, const std::vector<Tensor>& inputs, const AttributeList& attributes,
                       int outputs, std::int64_t opset, const std::string& domain) {
    ModelMaker maker(opset);
    if (!domain.empty()) maker.import(domain, 1);
    auto graph = maker.graph();
    std::vector<std::string> in, out;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const bool absent = inputs[i].type() == left_out().type();
        in.push_back(absent ? "" : "x" + std::to_string(i));
        if (absent) continue;
        std::vector<DimInput> dims;
        for (const auto extent : inputs[i].shape())
            dims.emplace_back(extent);
        graph.input(in.back(), inputs[i].element(), dims);
    }
    for (int i = 0; i < outputs; ++i) {
        out.push_back("y" + std::to_string(i));
        graph.output(out.back());
    }
    graph.op(type, in, out, attributes, domain);
    return maker.model();
}

std::vector<Tensor> run_op(const std::string& type, const std::vector<Tensor>& inputs, const AttributeList& attributes,
                           int outputs, std::int64_t opset, const std::string& domain) {
    std::map<std::string, Tensor> named;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (inputs[i].type() != left_out().type()) named.emplace("x" + std::to_string(i), inputs[i]);
    }
    return run_model(one_op(type, inputs, attributes, outputs, opset, domain), named);
}

std::vector<Tensor> run_model(const importer::Model& model, const std::map<std::string, Tensor>& inputs,
                              int* segments) {
    const auto backend = runtime::make_host_backend();
    int count = 0;
    auto out = importer::evaluate(model, inputs, [&](const graph::Graph& graph, const std::vector<Tensor>& arguments) {
        ++count;
        graph::validate(graph);
        const auto executable = backend->compile(graph);
        return runtime::run_on_host_tensors(*backend, *executable, arguments);
    });
    if (segments != nullptr) *segments = count;
    return out;
}

Tensor floats(Shape shape, std::initializer_list<float> values) {
    return Tensor::of<float>(std::move(shape), values);
}

Tensor ints(Shape shape, std::initializer_list<std::int64_t> values) {
    return Tensor::of<std::int64_t>(std::move(shape), values);
}

}  // namespace shoal::test
