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
