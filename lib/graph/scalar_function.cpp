#include "graph/scalar_function.hpp"

#include <cmath>
#include <type_traits>
#include <unordered_map>

#include "graph/wrapping.hpp"

namespace shoal::graph {
namespace {

// Names that OpenCL C has built in and C++ has not, or has under conditions.
using std::abs, std::acos, std::acosh, std::asin, std::asinh, std::atan, std::atanh, std::ceil, std::copysign, std::cos,
    std::cosh, std::erf, std::exp, std::expm1, std::floor, std::fmod, std::isinf, std::isnan, std::log, std::log1p,
    std::pow, std::rint, std::sin, std::sinh, std::sqrt, std::tan, std::tanh;

double fabs(double a) {
    return std::fabs(a);
}
double fmax(double a, double b) {
    return std::fmax(a, b);
}
double fmin(double a, double b) {
    return std::fmin(a, b);
}

// The same names stand in opencl/kernels/prelude.cl.
template <class T>
T int_max(T a, T b) {
    return a < b ? b : a;
}
template <class T>
T int_min(T a, T b) {
    return b < a ? b : a;
}
template <class T>
T int_abs(T a) {
    return a < T{} ? wrapping_sub(T{}, a) : a;
}
template <class T>
T int_div(T a, T b) {  // toward zero; a divisor of 0 gives 0, never a trap
    if (b == T{}) return T{};
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return wrapping_sub(T{}, a);
    return static_cast<T>(a / b);
}
template <class T>
T int_rem(T a, T b) {
    return wrapping_sub(a, wrapping_mul(int_div(a, b), b));
}
template <class T>
T int_mod(T a, T b) {  // the divisor's sign
    const T r = int_rem(a, b);
    return r != T{} && ((r < T{}) != (b < T{})) ? static_cast<T>(r + b) : r;
}
template <class T>
T int_pow(T base, T exponent) {
    if (exponent < T{}) {  // toward zero, as int_div; 1 / 0 is 0 there
        if (base == T{1}) return T{1};
        if (!std::is_signed_v<T> || base != static_cast<T>(-1)) return T{};
        return exponent % 2 == T{} ? T{1} : base;
    }
    T out{1};
    for (; exponent > T{}; exponent = static_cast<T>(exponent / 2)) {
        if (exponent % 2 != T{}) out = wrapping_mul(out, base);
        base = wrapping_mul(base, base);
    }
    return out;
}
template <class T>
T int_shl(T a, T b) {
    return b < T{} || b > T{63} ? T{} : static_cast<T>(static_cast<std::uint64_t>(a) << b);
}
template <class T>
T int_shr(T a, T b) {  // what comes in from the left is the sign
    const std::uint64_t sign = a < T{} ? ~std::uint64_t{0} : 0;
    if (b < T{} || b > T{63}) return static_cast<T>(sign);
    return static_cast<T>((static_cast<std::uint64_t>(a) ^ sign) >> b ^ sign);
}
template <class T>
T int_and(T a, T b) {
    return static_cast<T>(a & b);
}
template <class T>
T int_or(T a, T b) {
    return static_cast<T>(a | b);
}
template <class T>
T int_xor(T a, T b) {
    return static_cast<T>(a ^ b);
}
template <class T>
T int_not(T a) {
    return static_cast<T>(~a);
}

// A row instantiates only the types of its domain; the others never reach it.
#define SHOAL_EXPRESSION(T, expression)                                                             \
    []([[maybe_unused]] T a, [[maybe_unused]] T b, [[maybe_unused]] T c, [[maybe_unused]] double p, \
       [[maybe_unused]] double q) -> T {                                                            \
        [[maybe_unused]] const auto K = [](auto constant) { return static_cast<T>(constant); };     \
        return static_cast<T>(expression);                                                          \
    }
#define SHOAL_REAL(name, arity, result, flops, expression)                                                  \
    {                                                                                                       \
#name, arity, ScalarFunction::Domain::floating, ScalarFunction::Result::result, flops, #expression, \
            SHOAL_EXPRESSION(double, expression), nullptr, nullptr                                          \
    }
#define SHOAL_WHOLE(name, arity, domain, result, flops, expression)                                                \
    {                                                                                                              \
#name, arity, ScalarFunction::Domain::domain, ScalarFunction::Result::result, flops, #expression, nullptr, \
            SHOAL_EXPRESSION(std::int64_t, expression), SHOAL_EXPRESSION(std::uint64_t, expression)                \
    }
#define SHOAL_EVERY(name, arity, domain, result, flops, expression)                                       \
    {                                                                                                     \
#name, arity, ScalarFunction::Domain::domain, ScalarFunction::Result::result, flops, #expression, \
            SHOAL_EXPRESSION(double, expression), SHOAL_EXPRESSION(std::int64_t, expression),             \
            SHOAL_EXPRESSION(std::uint64_t, expression)                                                   \
    }
// The same, where int64 needs another expression to wrap around.
#define SHOAL_WRAPS(name, arity, flops, expression, wrapping)                                           \
    {                                                                                                   \
#name, arity, ScalarFunction::Domain::number, ScalarFunction::Result::same, flops, #expression, \
            SHOAL_EXPRESSION(double, expression), SHOAL_EXPRESSION(std::int64_t, wrapping),             \
            SHOAL_EXPRESSION(std::uint64_t, expression)                                                 \
    }

constexpr ScalarFunction kRows[] = {
    // Arithmetic that means the same for every number.
    SHOAL_WRAPS(add, 2, 1, a + b, wrapping_add(a, b)),
    SHOAL_WRAPS(sub, 2, 1, a - b, wrapping_sub(a, b)),
    SHOAL_WRAPS(mul, 2, 1, a* b, wrapping_mul(a, b)),
    SHOAL_WRAPS(neg, 1, 1, K(0) - a, wrapping_sub(K(0), a)),
    SHOAL_EVERY(sign, 1, number, same, 2,
                a > K(0)   ? K(1)
                : a < K(0) ? K(-1)
                           : a),
    SHOAL_EVERY(relu, 1, number, same, 1,
                a > K(0) ? a
                : a != a ? a
                         : K(0)),
    SHOAL_WRAPS(prelu, 2, 2, a < K(0) ? a * b : a, a < K(0) ? wrapping_mul(a, b) : a),
    SHOAL_EVERY(identity, 1, any, same, 0, a),

    // Real numbers.
    SHOAL_REAL(abs, 1, same, 1, fabs(a)),
    SHOAL_REAL(div, 2, same, 4, a / b),
    SHOAL_REAL(max, 2, same, 1,
               a != a   ? a
               : b != b ? b
                        : fmax(a, b)),  // NaN goes through
    SHOAL_REAL(min, 2, same, 1,
               a != a   ? a
               : b != b ? b
                        : fmin(a, b)),
    SHOAL_REAL(clip, 1, same, 2, a != a ? a : fmin(fmax(a, K(p)), K(q))),  // to [p, q]
    SHOAL_REAL(pow, 2, same, 20, pow(a, b)),
    SHOAL_REAL(fmod, 2, same, 8, fmod(a, b)),
    SHOAL_REAL(floor_mod, 2, same, 8,
               fmod(a, b) != K(0) && (fmod(a, b) < K(0)) != (b < K(0)) ? fmod(a, b) + b : fmod(a, b)),
    SHOAL_REAL(reciprocal, 1, same, 4, K(1) / a),
    SHOAL_REAL(sqrt, 1, same, 4, sqrt(a)),
    SHOAL_REAL(rsqrt, 1, same, 6, K(1) / sqrt(a)),
    SHOAL_REAL(square, 1, same, 1, a* a),
    SHOAL_REAL(exp, 1, same, 10, exp(a)),
    SHOAL_REAL(log, 1, same, 12, log(a)),
    SHOAL_REAL(log1p, 1, same, 14, log1p(a)),
    SHOAL_REAL(expm1, 1, same, 12, expm1(a)),
    SHOAL_REAL(sin, 1, same, 12, sin(a)),
    SHOAL_REAL(cos, 1, same, 12, cos(a)),
    SHOAL_REAL(tan, 1, same, 16, tan(a)),
    SHOAL_REAL(asin, 1, same, 16, asin(a)),
    SHOAL_REAL(acos, 1, same, 16, acos(a)),
    SHOAL_REAL(atan, 1, same, 16, atan(a)),
    SHOAL_REAL(sinh, 1, same, 16, sinh(a)),
    SHOAL_REAL(cosh, 1, same, 16, cosh(a)),
    SHOAL_REAL(tanh, 1, same, 12, tanh(a)),
    SHOAL_REAL(asinh, 1, same, 18, asinh(a)),
    SHOAL_REAL(acosh, 1, same, 18, acosh(a)),
    SHOAL_REAL(atanh, 1, same, 18, atanh(a)),
    SHOAL_REAL(erf, 1, same, 16, erf(a)),
    SHOAL_REAL(ceil, 1, same, 1, ceil(a)),
    SHOAL_REAL(floor, 1, same, 1, floor(a)),
    SHOAL_REAL(round, 1, same, 1, rint(a)),  // ties to even

    // Activations.
    SHOAL_REAL(sigmoid, 1, same, 14, K(1) / (K(1) + exp(K(0) - a))),
    SHOAL_REAL(silu, 1, same, 15, a / (K(1) + exp(K(0) - a))),
    SHOAL_REAL(swish, 1, same, 16, a / (K(1) + exp(K(0) - K(p) * a))),
    SHOAL_REAL(softplus, 1, same, 26, fmax(a, K(0)) + log1p(exp(K(0) - fabs(a)))),
    SHOAL_REAL(softsign, 1, same, 6, a / (K(1) + fabs(a))),
    SHOAL_REAL(leaky_relu, 1, same, 2, a < K(0) ? K(p) * a : a),
    SHOAL_REAL(elu, 1, same, 13, a < K(0) ? K(p) * expm1(fmin(a, K(0))) : a),
    SHOAL_REAL(celu, 1, same, 17, a < K(0) ? K(p) * expm1(fmin(a, K(0)) / K(p)) : a),
    SHOAL_REAL(selu, 1, same, 15, a < K(0) ? K(q) * (K(p) * expm1(fmin(a, K(0)))) : K(q) * a),  // p alpha, q gamma
    SHOAL_REAL(gelu, 1, same, 20, K(0.5) * a * (K(1) + erf(a * K(0.70710678118654752)))),
    SHOAL_REAL(gelu_tanh, 1, same, 20,
               K(0.5) * a * (K(1) + tanh(K(0.79788456080286536) * (a + K(0.044715) * a * a * a)))),
    SHOAL_REAL(hard_sigmoid, 1, same, 4, a != a ? a : fmax(K(0), fmin(K(1), K(p) * a + K(q)))),
    SHOAL_REAL(hard_swish, 1, same, 5, a* fmax(K(0), fmin(K(1), a* K(0.16666666666666667) + K(0.5)))),
    SHOAL_REAL(mish, 1, same, 40, a* tanh(fmax(a, K(0)) + log1p(exp(K(0) - fabs(a))))),
    SHOAL_REAL(affine, 1, same, 2, K(p) * a + K(q)),
    SHOAL_REAL(scaled_tanh, 1, same, 14, K(p) * tanh(K(q) * a)),
    SHOAL_REAL(thresholded_relu, 1, same, 1, a > K(p) ? a : K(0)),
    SHOAL_REAL(shrink, 1, same, 3, a<K(0) - K(q) ? a + K(p) : a> K(q) ? a - K(p) : K(0)),  // p bias, q lambda

    // Integers, exactly.
    SHOAL_WHOLE(int_abs, 1, integer, same, 1, int_abs(a)),
    SHOAL_WHOLE(int_div, 2, integer, same, 4, int_div(a, b)),
    SHOAL_WHOLE(int_max, 2, integer, same, 1, int_max(a, b)),
    SHOAL_WHOLE(int_min, 2, integer, same, 1, int_min(a, b)),
    SHOAL_WHOLE(int_pow, 2, integer, same, 20, int_pow(a, b)),
    SHOAL_WHOLE(int_rem, 2, integer, same, 5, int_rem(a, b)),
    SHOAL_WHOLE(int_mod, 2, integer, same, 6, int_mod(a, b)),
    SHOAL_WHOLE(bit_and, 2, integer, same, 1, int_and(a, b)),
    SHOAL_WHOLE(bit_or, 2, integer, same, 1, int_or(a, b)),
    SHOAL_WHOLE(bit_xor, 2, integer, same, 1, int_xor(a, b)),
    SHOAL_WHOLE(bit_not, 1, integer, same, 1, int_not(a)),
    SHOAL_WHOLE(shift_left, 2, integer, same, 1, int_shl(a, b)),
    SHOAL_WHOLE(shift_right, 2, integer, same, 1, int_shr(a, b)),

    // Comparisons and logic.
    SHOAL_EVERY(equal, 2, any, boolean, 1, a == b),
    SHOAL_EVERY(less, 2, number, boolean, 1, a < b),
    SHOAL_EVERY(less_equal, 2, number, boolean, 1, a <= b),
    SHOAL_EVERY(greater, 2, number, boolean, 1, a > b),
    SHOAL_EVERY(greater_equal, 2, number, boolean, 1, a >= b),
    SHOAL_WHOLE(and, 2, boolean, same, 1, a&& b),
    SHOAL_WHOLE(or, 2, boolean, same, 1, a || b),
    SHOAL_WHOLE(xor, 2, boolean, same, 1, (a != K(0)) != (b != K(0))),
    SHOAL_WHOLE(not, 1, boolean, same, 1, a == K(0)),
    SHOAL_REAL(is_nan, 1, boolean, 1, a != a),
    SHOAL_REAL(is_inf, 1, boolean, 2, (a == K(INFINITY) && K(p) != K(0)) || (a == K(0) - K(INFINITY) && K(q) != K(0))),
    SHOAL_EVERY(select, 3, any, chosen, 1, a != K(0) ? b : c),
};

const std::unordered_map<std::string_view, const ScalarFunction*>& by_name() {
    static const auto* index = [] {
        auto* made = new std::unordered_map<std::string_view, const ScalarFunction*>;
        for (const auto& row : kRows)
            made->emplace(row.name, &row);
        return made;
    }();
    return *index;
}

}  // namespace

std::span<const ScalarFunction> scalar_functions() noexcept {
    return kRows;
}

const ScalarFunction* find_scalar_function(std::string_view name) noexcept {
    const auto at = by_name().find(name);
    return at == by_name().end() ? nullptr : at->second;
}

bool accepts(ScalarFunction::Domain domain, tensor::ElementType type) noexcept {
    const bool boolean = type == tensor::ElementType::boolean;
    switch (domain) {
        case ScalarFunction::Domain::floating: return tensor::is_floating(type);
        case ScalarFunction::Domain::integer: return tensor::is_integer(type);
        case ScalarFunction::Domain::number: return !boolean;
        case ScalarFunction::Domain::boolean: return boolean;
        case ScalarFunction::Domain::any: return true;
    }
    return false;
}

}  // namespace shoal::graph
