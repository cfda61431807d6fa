// What every generated kernel may use: integer functions as graph/scalar_function.cpp defines them, nibbles, bfloat16.
// OpenCL C 1.2; fp64 is switched on by the build option -DSHOAL_FP64 where the device has it.

#ifdef SHOAL_FP64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif
#pragma OPENCL FP_CONTRACT ON

// Integer functions for one type: T, whether it has a sign, and -1 of that type for the one division that overflows.
#define SHOAL_INTEGERS(T, SIGNED)                                                                              \
    inline T int_max_##T(T a, T b) { return a < b ? b : a; }                                                   \
    inline T int_min_##T(T a, T b) { return b < a ? b : a; }                                                   \
    inline T int_abs_##T(T a) { return SIGNED ? max(a, (T)0 - a) : a; }                                                  \
    inline T int_div_##T(T a, T b) { return b == 0 ? 0 : SIGNED && b == (T)-1 ? 0 - a : a / b; }               \
    inline T int_rem_##T(T a, T b) { return a - int_div_##T(a, b) * b; }                                       \
    inline T int_mod_##T(T a, T b) {                                                                           \
        const T r = int_rem_##T(a, b);                                                                         \
        return r != 0 && ((r < 0) != (b < 0)) ? r + b : r;                                                     \
    }                                                                                                          \
    inline T int_pow_##T(T base, T exponent) {                                                                 \
        T out = 1;                                                                                             \
        if (exponent < 0 && SIGNED && base == (T)-1) return exponent % 2 == 0 ? 1 : base;                      \
        if (exponent < 0) return base == 1 ? 1 : 0;                                                            \
        for (; exponent > 0; exponent /= 2) {                                                                  \
            if (exponent % 2 != 0) out *= base;                                                                \
            base *= base;                                                                                      \
        }                                                                                                      \
        return out;                                                                                            \
    }                                                                                                          \
    inline T int_shl_##T(T a, T b) { return b < 0 || b > 63 ? 0 : (T)((ulong)a << b); }                        \
    inline T int_shr_##T(T a, T b) {                                                                           \
        const ulong sign = a < 0 ? ~0ul : 0ul;                                                                 \
        return (T)(b < 0 || b > 63 ? sign : ((ulong)a ^ sign) >> b ^ sign);                                    \
    }                                                                                                          \
    inline T int_and_##T(T a, T b) { return a & b; }                                                           \
    inline T int_or_##T(T a, T b) { return a | b; }                                                            \
    inline T int_xor_##T(T a, T b) { return a ^ b; }                                                           \
    inline T int_not_##T(T a) { return ~a; }

SHOAL_INTEGERS(int, 1)
SHOAL_INTEGERS(uint, 0)
SHOAL_INTEGERS(long, 1)
SHOAL_INTEGERS(ulong, 0)

// Maxima and minima of reductions: NaN goes through, as it does in graph/scalar_function.cpp.
#define SHOAL_EXTREMES(T)                                                                                      \
    inline T fold_max_##T(T a, T b) { return a != a || a > b ? a : b; }                                        \
    inline T fold_min_##T(T a, T b) { return a != a || a < b ? a : b; }
SHOAL_EXTREMES(float)
SHOAL_EXTREMES(float2)
SHOAL_EXTREMES(float4)
SHOAL_EXTREMES(float8)
SHOAL_EXTREMES(float16)
#ifdef SHOAL_FP64
SHOAL_EXTREMES(double)
#endif

// erf and tanh as x P(x^2) / Q(x^2), fitted for the least relative error; beyond the fitted range both are 1.
// Errors measured against double: erf 6 ulp, tanh 5.5 ulp (3.5e-7); the sign and NaN go through.
#define SHOAL_CURVES(T)                                                                                        \
    inline T shoal_erf_##T(T a) {                                                                              \
        const T x = clamp(a, -3.93f, 3.93f), t = x * x;                                                        \
        const T p = 1.12837911f + t * (1.90781847e-1f + t * (5.27899936e-2f + t * (3.77951609e-3f +            \
                    t * (2.84805225e-4f + t * 2.04196908e-6f))));                                              \
        const T q = 1.0f + t * (5.02408743e-1f + t * (1.14256673e-1f + t * (1.49972513e-2f +                   \
                    t * (1.16518780e-3f + t * 3.80038800e-5f))));                                              \
        const T curve = fabs(a) < 3.93f ? clamp(x * p / q, -1.0f, 1.0f) : copysign((T)(1.0f), a);              \
        return a != a ? a : curve;                                                                             \
    }                                                                                                          \
    inline T shoal_tanh_##T(T a) {                                                                             \
        const T x = clamp(a, -9.0f, 9.0f), t = x * x;                                                          \
        const T p = 1.0f + t * (1.33810133e-1f + t * (3.49557400e-3f + t * (2.06088516e-5f +                   \
                    t * 1.33543523e-8f)));                                                                     \
        const T q = 1.0f + t * (4.67143297e-1f + t * (2.58769281e-2f + t * (3.28561175e-4f +                   \
                    t * 7.77642924e-7f)));                                                                     \
        const T curve = fabs(a) < 9.0f ? clamp(x * p / q, -1.0f, 1.0f) : copysign((T)(1.0f), a);               \
        return a != a ? a : curve;                                                                             \
    }
SHOAL_CURVES(float)
SHOAL_CURVES(float2)
SHOAL_CURVES(float4)
SHOAL_CURVES(float8)
SHOAL_CURVES(float16)

// Nibble `at` of a packed buffer: the even ones lie in the low half.
inline int load_u4(__global const uchar* packed, long at) { return packed[at >> 1] >> ((at & 1) << 2) & 15; }
inline int load_i4(__global const uchar* packed, long at) {
    const int nibble = load_u4(packed, at);
    return nibble > 7 ? nibble - 16 : nibble;
}

// Round to nearest even; NaN stays NaN.
inline ushort to_bf16_1(float value) {
    const uint bits = as_uint(value);
    return isnan(value) ? (ushort)(bits >> 16 | 0x40) : (ushort)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
#define SHOAL_BF16(N)                                                                                          \
    inline ushort##N to_bf16_##N(float##N value) {                                                             \
        const uint##N bits = as_uint##N(value);                                                                \
        const uint##N rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;                                      \
        return convert_ushort##N(isnan(value) ? bits >> 16 | 0x40 : rounded);                                  \
    }
SHOAL_BF16(4)
SHOAL_BF16(8)
SHOAL_BF16(16)
