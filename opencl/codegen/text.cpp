#include "opencl/codegen/text.hpp"

#include <cctype>
#include <cmath>
#include <limits>

#include "base/error.hpp"

namespace shoal::opencl {

using base::text;

namespace {

std::string lanes_suffix(int lanes) {
    return lanes == 1 ? "" : std::to_string(lanes);
}

bool is_small(ElementType element) {
    return tensor::is_integer(element) && tensor::bits(element) < 32;
}

// Brings a result computed in int back into the range of a narrower type, as arithmetic in that type would have.
std::string wrapped(const std::string& value, ElementType element) {
    const int spare = 32 - tensor::bits(element);
    if (tensor::is_signed(element)) return text("((", value, " << ", spare, ") >> ", spare, ")");
    return text("((", value, ") & ", (1U << tensor::bits(element)) - 1, ")");
}

}  // namespace

Compute compute_of(ElementType element) {
    switch (element) {
        case ElementType::f32:
        case ElementType::f16:
        case ElementType::bf16: return Compute::f32;
        case ElementType::f64: return Compute::f64;
        case ElementType::u32: return Compute::u32;
        case ElementType::i64: return Compute::i64;
        case ElementType::u64: return Compute::u64;
        case ElementType::boolean: return Compute::mask;
        default: return Compute::i32;
    }
}

std::string type_name(Compute compute, int lanes) {
    constexpr const char* names[] = {"float", "double", "int", "uint", "long", "ulong", "int"};
    return names[static_cast<int>(compute)] + lanes_suffix(lanes);
}

std::string storage_name(ElementType element) {
    switch (element) {
        case ElementType::f32: return "float";
        case ElementType::f16: return "half";
        case ElementType::bf16: return "ushort";
        case ElementType::f64: return "double";
        case ElementType::i8: return "char";
        case ElementType::i16: return "short";
        case ElementType::u16: return "ushort";
        case ElementType::i32: return "int";
        case ElementType::u32: return "uint";
        case ElementType::i64: return "long";
        case ElementType::u64: return "ulong";
        default: return "uchar";
    }
}

std::string literal(double value, Compute compute) {
    const bool real = compute == Compute::f32 || compute == Compute::f64;
    if (real && std::isnan(value)) return "NAN";
    if (real && std::isinf(value)) return value > 0 ? "INFINITY" : "(-INFINITY)";
    if (!real) {
        const auto whole = static_cast<long long>(value);
        if (whole == std::numeric_limits<long long>::min()) return "LONG_MIN";
        return whole < 0 ? text('(', whole, ')') : text(whole);
    }
    auto digits = base::plain_output();  // not by printf, which follows the host program's locale
    digits.precision(compute == Compute::f32 ? 9 : 17);
    digits << value;
    std::string out = digits.str();
    if (out.find_first_of(".e") == std::string::npos) out += ".0";
    if (compute == Compute::f32) out += "f";
    return value < 0 ? "(" + out + ")" : out;
}

std::string load(ElementType element, const std::string& pointer, const std::string& offset, int lanes) {
    const std::string n = lanes_suffix(lanes);
    const std::string plain =
        lanes == 1 ? text(pointer, "[", offset, "]") : text("vload", n, "(0, ", pointer, " + ", offset, ")");
    switch (element) {
        case ElementType::f16: return text("vload_half", n, "(0, ", pointer, " + ", offset, ")");
        case ElementType::bf16: return text("as_float", n, "(convert_uint", n, "(", plain, ") << 16)");
        case ElementType::boolean: return text("(convert_int", n, "(", plain, ") != 0)");
        case ElementType::i8:
        case ElementType::u8:
        case ElementType::i16:
        case ElementType::u16: return text("convert_int", n, "(", plain, ")");
        case ElementType::i4: return text("load_i4(", pointer, ", ", offset, ")");
        case ElementType::u4: return text("load_u4(", pointer, ", ", offset, ")");
        default: return plain;
    }
}

std::string store(ElementType element, const std::string& pointer, const std::string& offset, const std::string& value,
                  int lanes) {
    const std::string n = lanes_suffix(lanes);
    std::string stored = value;
    switch (element) {
        case ElementType::f16: return text("vstore_half", n, "_rte(", value, ", 0, ", pointer, " + ", offset, ");");
        case ElementType::bf16: stored = text("to_bf16_", n.empty() ? "1" : n, "(", value, ")"); break;
        case ElementType::boolean: stored = text("convert_uchar", n, "((", value, ") & 1)"); break;
        case ElementType::i8: stored = text("convert_char", n, "(", value, ")"); break;
        case ElementType::u8: stored = text("convert_uchar", n, "(", value, ")"); break;
        case ElementType::i16: stored = text("convert_short", n, "(", value, ")"); break;
        case ElementType::u16: stored = text("convert_ushort", n, "(", value, ")"); break;
        case ElementType::i4:
        case ElementType::u4: stored = text("convert_uchar", n, "((", value, ") & 15)"); break;  // see pack_nibbles
        default: break;
    }
    if (lanes == 1) return text(pointer, "[", offset, "] = ", stored, ";");
    return text("vstore", n, "(", stored, ", 0, ", pointer, " + ", offset, ");");
}

std::string cast(const std::string& value, ElementType from, ElementType to, int lanes) {
    const std::string n = lanes_suffix(lanes);
    const Compute source = compute_of(from), target = compute_of(to);
    const std::string target_type = type_name(target, lanes);
    if (from == to) return value;
    if (target == Compute::mask) return text("(", value, " != (", type_name(source, lanes), ")(0))");
    if (source == Compute::mask) return text("convert_", target_type, "(", value, " & 1)");
    const bool from_real = source == Compute::f32 || source == Compute::f64;
    const bool to_real = target == Compute::f32 || target == Compute::f64;
    if (!from_real || to_real) {
        const std::string wide = source == target ? value : text("convert_", target_type, "(", value, ")");
        if (tensor::is_nibble(to))
            return text("clamp(", wide, ", (", target_type, ")(", to == ElementType::i4 ? -8 : 0, "), (", target_type,
                        ")(", to == ElementType::i4 ? 7 : 15, "))");
        return is_small(to) ? wrapped(wide, to) : wide;
    }
    // Float to integer: toward zero, saturating; NaN becomes 0.
    const std::string number = text("(isnan(", value, ") ? (", type_name(source, lanes), ")(0) : ", value, ")");
    if (tensor::is_nibble(to)) {
        return text("convert_", target_type, "(clamp(trunc", number, ", (", type_name(source, lanes), ")(",
                    to == ElementType::i4 ? -8 : 0, "), (", type_name(source, lanes), ")(",
                    to == ElementType::i4 ? 7 : 15, ")))");
    }
    const std::string narrow = text("convert_", storage_name(to), n, "_sat_rtz", number);
    return is_small(to) ? text("convert_int", n, "(", narrow, ")") : narrow;
}

namespace {

struct Token {
    std::string text;
    bool name;
};

std::vector<Token> tokens(std::string_view code) {
    std::vector<Token> out;
    for (std::size_t i = 0; i < code.size();) {
        const auto letter = [&](std::size_t k) {
            return std::isalpha(static_cast<unsigned char>(code[k])) != 0 || code[k] == '_';
        };
        const auto wordy = [&](std::size_t k) {
            return letter(k) || std::isdigit(static_cast<unsigned char>(code[k])) != 0;
        };
        std::size_t end = i + 1;
        const bool name = letter(i);
        if (wordy(i)) {
            while (end < code.size() && (wordy(end) || code[end] == '.'))
                ++end;
        }
        out.push_back({std::string(code.substr(i, end - i)), name});
        i = end;
    }
    return out;
}

}  // namespace

std::string apply(const graph::ScalarFunction& fn, const std::vector<std::string>& operands, double p, double q,
                  ElementType operand, int lanes) {
    using Result = graph::ScalarFunction::Result;
    if (fn.result == Result::chosen) return text("((", operands[0], ") ? (", operands[1], ") : (", operands[2], "))");
    const Compute compute = compute_of(operand);
    const std::string type = type_name(compute, lanes);
    std::string out = "(";
    for (const Token& token : tokens(fn.code)) {
        if (!token.name)
            out += token.text;
        else if (token.text == "a")
            out += operands[0];
        else if (token.text == "b")
            out += operands[1];
        else if (token.text == "c")
            out += operands[2];
        else if (token.text == "p")
            out += literal(p, compute);
        else if (token.text == "q")
            out += literal(q, compute);
        else if (token.text == "K")
            out += text("(", type, ")");
        else if (token.text.rfind("int_", 0) == 0)
            out += text(token.text, "_", type);
        else if (compute == Compute::f32 && (token.text == "erf" || token.text == "tanh"))
            out += text("shoal_", token.text, "_", type);  // the built-in ones go lane by lane on many drivers
        else
            out += token.text;
    }
    out += ")";
    return fn.result == Result::same && is_small(operand) ? wrapped(out, operand) : out;
}

bool has_lanes(const graph::ScalarFunction& fn, ElementType operand) {
    const Compute compute = compute_of(operand);
    if (compute == Compute::f64 || compute == Compute::i64 || compute == Compute::u64 || compute == Compute::u32)
        return false;
    return fn.code.find("int_") == std::string_view::npos;
}

std::string fold(const std::string& fn, const std::string& a, const std::string& b, Compute compute, int lanes) {
    if (fn == "sum") return text(a, " + ", b);
    if (fn == "product") return text(a, " * ", b);
    const bool real = compute == Compute::f32 || compute == Compute::f64;
    return text(real ? text("fold_", fn, '_', type_name(compute, lanes)) : fn, "(", a, ", ", b, ")");
}

std::string fold_lanes(const std::string& fn, const std::string& value, Compute compute, int lanes) {
    if (lanes == 1) return value;
    std::string out = value;
    for (int n = lanes / 2; n > 1; n /= 2)
        out = text("(", fold(fn, "(" + out + ").lo", "(" + out + ").hi", compute, n), ")");
    return text("(", fold(fn, "(" + out + ").x", "(" + out + ").y", compute, 1), ")");
}

std::string fold_start(const std::string& fn, ElementType element) {
    const Compute compute = compute_of(element);
    if (fn == "sum") return literal(0, compute);
    if (fn == "product") return literal(1, compute);
    const bool real = compute == Compute::f32 || compute == Compute::f64;
    const bool max = fn == "max";
    if (real) return max ? "(-INFINITY)" : "INFINITY";
    if (!tensor::is_signed(element) && max) return "0";
    switch (element) {
        case ElementType::i8: return max ? "(-128)" : "127";
        case ElementType::u8: return "255";
        case ElementType::i16: return max ? "(-32768)" : "32767";
        case ElementType::u16: return "65535";
        case ElementType::u32: return "UINT_MAX";
        case ElementType::i64: return max ? "LONG_MIN" : "LONG_MAX";
        case ElementType::u64: return "ULONG_MAX";
        default: return max ? "INT_MIN" : "INT_MAX";
    }
}

}  // namespace shoal::opencl
