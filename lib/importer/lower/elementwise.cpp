// Operators that work element by element. One that is a single scalar function is a row here and nothing else.
#include <limits>

#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"
#include "importer/tensor_data.hpp"

namespace shoal::importer {
namespace {

// Before version 7 the axes of a second operand with fewer of them stand together, from attribute `axis` of the first
// one's on, else at its end.
ValueId second_operand(Context& c) {
    if (c.opset() >= 7 || !c.has_attribute("axis") || !c.flag("broadcast", false)) return c.in(1);
    const int axis = c.axis(c.integer("axis"), c.rank(0));
    c.expect(axis + c.rank(1) <= c.rank(0), c.type(1), " at axis ", axis, " of ", c.type(0));
    Ints extents = c.shape(1).extents();
    extents.resize(static_cast<std::size_t>(c.rank(0) - axis), 1);
    return c.builder().reshape(c.in(1), Shape(std::move(extents)));
}

// The row's scalar function, with its parameters from the attributes.
Values each(Context& c) {
    const bool real = tensor::is_floating(c.element(c.row().real == "select" ? 1 : 0));
    const auto function = real || c.row().whole.empty() ? c.row().real : c.row().whole;
    c.expect(!function.empty(), "not defined for ", c.type(0));
    Values inputs;
    for (int i = 0; i < c.input_count(); ++i)
        inputs.push_back(i == 1 ? second_operand(c) : c.in(i));
    const auto parameter = [&](const Parameter& p) {
        return p.attribute.empty() ? p.otherwise : c.number(p.attribute, p.otherwise);
    };
    return {c.builder().map(function, std::move(inputs), parameter(c.row().p), parameter(c.row().q))};
}

// The row's function of two operands over any number of inputs.
Values fold(Context& c) {
    const auto function = tensor::is_floating(c.element(0)) ? c.row().real : c.row().whole;
    ValueId out = c.in(0);
    for (int i = 1; i < c.input_count(); ++i)
        out = c.builder().map(function, {out, c.in(i)});
    return {out};
}

Values mean_of_inputs(Context& c) {
    Builder& b = c.builder();
    ValueId sum = widened(b, c.in(0));
    for (int i = 1; i < c.input_count(); ++i)
        sum = add(b, sum, widened(b, c.in(i)));
    return {b.cast(scaled(b, sum, 1.0 / c.input_count()), c.element(0))};
}

// The exponent may be of another type than the base, whose type the result has.
Values power(Context& c) {
    Builder& b = c.builder();
    const ValueId x = c.in(0), y = second_operand(c);
    const ElementType base = c.element(0), exponent = c.element(1);
    if (tensor::is_floating(base)) return {b.map("pow", {x, b.cast(y, base)})};
    if (!tensor::is_floating(exponent)) return {b.map("int_pow", {x, b.cast(y, base)})};
    return {b.cast(b.map("pow", {b.cast(x, exponent), y}), base)};
}

// A vector of slopes was one per channel before version 7; later it is broadcast from the last axis.
Values prelu(Context& c) {
    Builder& b = c.builder();
    const bool channels = c.opset() < 7 && c.rank(1) == 1 && c.rank(0) > 1;
    return {b.map("prelu", {c.in(0), channels ? along_axis(b, c.in(1), 1, c.rank(0)) : c.in(1)})};
}

Values modulo(Context& c) {
    const bool truncated = c.flag("fmod", false);
    const bool real = tensor::is_floating(c.element(0));
    return {c.builder().map(real        ? (truncated ? "fmod" : "floor_mod")
                            : truncated ? "int_rem"
                                        : "int_mod",
                            {c.in(0), c.in(1)})};
}

Values bit_shift(Context& c) {
    const auto direction = c.text("direction");
    c.expect(direction == "LEFT" || direction == "RIGHT", "direction '", direction, "'");
    return {c.builder().map(direction == "LEFT" ? "shift_left" : "shift_right", {c.in(0), c.in(1)})};
}

// [ONNX SwiGLU]: swish(gate) * linear, both of the same shape.
Values swiglu(Context& c) {
    Builder& b = c.builder();
    return {mul(b, b.map("swish", {c.in(0)}, c.real("alpha", 1)), c.in(1))};
}

// Numbers outside of a nibble's range lose their high bits, as those outside of wider integers do.
ValueId cast_to_nibble(Builder& b, ValueId x, ElementType to) {
    const double shift = to == ElementType::i4 ? 8 : 0;
    const ValueId whole = b.cast(x, ElementType::i32);
    const ValueId shifted = b.map("int_mod", {add(b, whole, number(b, whole, shift)), number(b, whole, 16)});
    return b.cast(sub(b, shifted, number(b, whole, shift)), to);
}

Values cast(Context& c) {
    const ElementType to = c.op().type == "CastLike" ? c.element(1) : c.element_type("to", c.element(0));
    if (tensor::is_nibble(to) && to != c.element(0)) return {cast_to_nibble(c.builder(), c.in(0), to)};
    return {c.builder().cast(c.in(0), to)};
}

// The same bytes read as another type of the same width. The host does it: no exporter is known to put one in a loop.
Values bit_cast(Context& c) {
    const ElementType to = c.element_type("to", c.element(0)), from = c.element(0);
    c.expect(tensor::bits(to) == tensor::bits(from), c.type(0), " as elements of ", tensor::name(to));
    return c.on_host({0}, [to](const std::vector<Tensor>& in) {
        return std::vector<Tensor>{Tensor(Type{to, in[0].shape()}, in[0].shared_bytes())};
    });
}

double largest_of(ElementType type) {
    constexpr double kLargestHalf = 65504;
    constexpr double kLargestBFloat = 0x1.fep127;
    return type == ElementType::f16    ? kLargestHalf
           : type == ElementType::bf16 ? kLargestBFloat
                                       : static_cast<double>(std::numeric_limits<float>::max());
}

// Bounds were attributes before version 11; a bound that is left out is the end of the type's range.
Values clip(Context& c) {
    Builder& b = c.builder();
    const ValueId x = c.in(0);
    const bool attributes = c.opset() < 11;
    const double largest = largest_of(b.element(x));
    const double low = attributes ? c.real("min", -largest) : -largest;
    const double high = attributes ? c.real("max", largest) : largest;
    const auto low_value = c.known_input(1), high_value = c.known_input(2);
    for (const int bound : {1, 2})
        c.expect(!c.has(bound) || c.shape(bound).count() == 1, "a bound is ", c.has(bound) ? c.type(bound) : Type());
    const bool known = (!c.has(1) || low_value) && (!c.has(2) || high_value);
    if (known && tensor::is_floating(b.element(x)) && b.element(x) != ElementType::f64) {
        return {b.map("clip", {x}, low_value ? tensor::element_as_double(*low_value, 0) : low,
                      high_value ? tensor::element_as_double(*high_value, 0) : high)};
    }
    ValueId out = x;
    if (attributes && c.has_attribute("min")) out = maximum(b, out, number(b, x, low));
    if (attributes && c.has_attribute("max")) out = minimum(b, out, number(b, x, high));
    if (c.has(1)) out = maximum(b, out, b.reshape(c.in(1), Shape{}));
    if (c.has(2)) out = minimum(b, out, b.reshape(c.in(2), Shape{}));
    return {out};
}

// Erf and Shrink take integers too: computed in f32, what stands behind the point is cut off. That is exact for Erf,
// which is 0 or 1, and for Shrink of what f32 holds.
Values real_of_integers(Context& c) {
    Builder& b = c.builder();
    const ElementType element = c.element(0);
    const bool erf = c.op().type == "Erf";
    if (tensor::is_integer(element) && !erf && tensor::bits(element) > 16)
        c.unsupported(c.type(0), ": integers of more than 16 bits are not served");
    const ValueId x = tensor::is_integer(element) ? b.cast(c.in(0), ElementType::f32) : c.in(0);
    const ValueId out = erf ? b.map("erf", {x}) : b.map("shrink", {x}, c.real("bias", 0), c.real("lambd", 0.5));
    return {b.cast(out, element)};
}

// The bias of the fused forms is added along the last axis.
Values gelu(Context& c) {
    Builder& b = c.builder();
    const ValueId x = c.has(1) ? add(b, c.in(0), c.in(1)) : c.in(0);
    const bool tanh = c.row().real.empty() ? c.text("approximate", "none") == "tanh" : c.row().real == "gelu_tanh";
    return {b.map(tanh ? "gelu_tanh" : "gelu", {x})};
}

constexpr std::string_view kMicrosoft = "com.microsoft";

const Row kRows[] = {
    {"", "Abs", 1, 0, each, "abs", "int_abs"},
    {"", "Acos", 1, 0, each, "acos"},
    {"", "Acosh", 1, 0, each, "acosh"},
    {"", "Add", 1, 0, each, "add"},
    {"", "And", 1, 0, each, "", "and"},
    {"", "Asin", 1, 0, each, "asin"},
    {"", "Asinh", 1, 0, each, "asinh"},
    {"", "Atan", 1, 0, each, "atan"},
    {"", "Atanh", 1, 0, each, "atanh"},
    {"", "BitCast", 1, 0, bit_cast},
    {"", "BitShift", 1, 0, bit_shift},
    {"", "BitwiseAnd", 1, 0, each, "", "bit_and"},
    {"", "BitwiseNot", 1, 0, each, "", "bit_not"},
    {"", "BitwiseOr", 1, 0, each, "", "bit_or"},
    {"", "BitwiseXor", 1, 0, each, "", "bit_xor"},
    {"", "Cast", 1, 0, cast},
    {"", "CastLike", 1, 0, cast},
    {"", "Ceil", 1, 0, each, "ceil"},
    {"", "Celu", 1, 0, each, "celu", "", {"alpha", 1}},
    {"", "Clip", 1, 0, clip},
    {"", "Cos", 1, 0, each, "cos"},
    {"", "Cosh", 1, 0, each, "cosh"},
    {"", "Div", 1, 0, each, "div", "int_div"},
    {"", "Elu", 1, 0, each, "elu", "", {"alpha", 1}},
    {"", "Equal", 1, 0, each, "equal"},
    {"", "Erf", 1, 0, real_of_integers},
    {"", "Exp", 1, 0, each, "exp"},
    {"", "Floor", 1, 0, each, "floor"},
    {"", "Gelu", 1, 0, gelu},
    {"", "Greater", 1, 0, each, "greater"},
    {"", "GreaterOrEqual", 1, 0, each, "greater_equal"},
    {"", "HardSigmoid", 1, 0, each, "hard_sigmoid", "", {"alpha", 0.2}, {"beta", 0.5}},
    {"", "HardSwish", 1, 0, each, "hard_swish"},
    {"", "IsInf", 1, 0, each, "is_inf", "", {"detect_positive", 1}, {"detect_negative", 1}},
    {"", "IsNaN", 1, 0, each, "is_nan"},
    {"", "LeakyRelu", 1, 0, each, "leaky_relu", "", {"alpha", 0.01}},
    {"", "Less", 1, 0, each, "less"},
    {"", "LessOrEqual", 1, 0, each, "less_equal"},
    {"", "Log", 1, 0, each, "log"},
    {"", "Max", 1, 0, fold, "max", "int_max"},
    {"", "Mean", 1, 0, mean_of_inputs},
    {"", "Min", 1, 0, fold, "min", "int_min"},
    {"", "Mish", 1, 0, each, "mish"},
    {"", "Mod", 1, 0, modulo},
    {"", "Mul", 1, 0, each, "mul"},
    {"", "Neg", 1, 0, each, "neg"},
    {"", "Not", 1, 0, each, "", "not"},
    {"", "Or", 1, 0, each, "", "or"},
    {"", "PRelu", 1, 0, prelu},
    {"", "Pow", 1, 0, power},
    {"", "Reciprocal", 1, 0, each, "reciprocal"},
    {"", "Relu", 1, 0, each, "relu"},
    {"", "Round", 1, 0, each, "round"},
    {"", "Selu", 1, 0, each, "selu", "", {"alpha", 1.67326319217681884765625}, {"gamma", 1.05070102214813232421875}},
    {"", "Shrink", 1, 0, real_of_integers},
    {"", "Sigmoid", 1, 0, each, "sigmoid"},
    {"", "Sign", 1, 0, each, "sign"},
    {"", "Sin", 1, 0, each, "sin"},
    {"", "Sinh", 1, 0, each, "sinh"},
    {"", "Softplus", 1, 0, each, "softplus"},
    {"", "Softsign", 1, 0, each, "softsign"},
    {"", "Sqrt", 1, 0, each, "sqrt"},
    {"", "Sub", 1, 0, each, "sub"},
    {"", "Sum", 1, 0, fold, "add", "add"},
    {"", "SwiGLU", 1, 0, swiglu},
    {"", "Swish", 1, 0, each, "swish", "", {"alpha", 1}},
    {"", "Tan", 1, 0, each, "tan"},
    {"", "Tanh", 1, 0, each, "tanh"},
    {"", "ThresholdedRelu", 1, 0, each, "thresholded_relu", "", {"alpha", 1}},
    {"", "Where", 1, 0, each, "select"},
    {"", "Xor", 1, 0, each, "", "xor"},
    {kMicrosoft, "BiasGelu", 1, 0, gelu, "gelu"},
    {kMicrosoft, "FastGelu", 1, 0, gelu, "gelu_tanh"},
    {kMicrosoft, "Gelu", 1, 0, gelu, "gelu"},
    {kMicrosoft, "QuickGelu", 1, 0, each, "swish", "", {"alpha", 1.702}},
};

}  // namespace

namespace families {
const Family elementwise{kRows};
}

}  // namespace shoal::importer
