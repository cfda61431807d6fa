// dot_f32_simd: out[r, n] = epilogue(sum over k of x[r, k] * w[n, k]): few rows by a matrix that lies transposed, read in place, on
// wide-SIMD CPUs. With so few rows every weight is used once or twice, and what counts is to read them in one stream.
//   x float [ROWS, inner], w float [columns, inner], both contiguous; out element type OUT [ROWS, columns]
//   global (ceil(columns / COLUMNS)), local (1, 1, 1); columns >= COLUMNS: the last work-item moves back to end with the last
//   column (what it shares is computed twice, alike)
//   error <= inner * 2^-24 * sum |x||w|; needs OpenCL 1.2, no extensions
#ifndef KERNEL
#define KERNEL dot_f32_simd
#define LANES 16   // floats of a vector
#define ROWS 1     // of x
#define COLUMNS 4  // rows of w that a work-item reads side by side
#define EPILOGUE_PARAMETERS
#define EPILOGUE_ONE(given, row, column) (given)
#define OUT float
#define STORE_ONE(at, value) *(at) = value
#endif
#ifndef VECTOR
#define SHOAL_JOIN_(a, b) a##b
#define SHOAL_JOIN(a, b) SHOAL_JOIN_(a, b)
#define VECTOR SHOAL_JOIN(float, LANES)
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void KERNEL(__global const float* restrict x, __global const float* restrict w,
                                                                    __global OUT* restrict out, int columns, int inner EPILOGUE_PARAMETERS) {
    const int first = min((int)get_global_id(0) * COLUMNS, columns - COLUMNS);
    __global const float* from = w + (size_t)first * inner;
    VECTOR sum[ROWS][COLUMNS];
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
#pragma unroll
        for (int n = 0; n < COLUMNS; ++n) sum[r][n] = (VECTOR)(0.0f);
    }
    int k = 0;
    for (; k + LANES <= inner; k += LANES) {
#pragma unroll
        for (int n = 0; n < COLUMNS; ++n) {
            const VECTOR weight = SHOAL_JOIN(vload, LANES)(0, from + (size_t)n * inner + k);
#pragma unroll
            for (int r = 0; r < ROWS; ++r) sum[r][n] += SHOAL_JOIN(vload, LANES)(0, x + r * inner + k) * weight;
        }
    }
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
#pragma unroll
        for (int n = 0; n < COLUMNS; ++n) {
            float lane[LANES], total = 0.0f;
            SHOAL_JOIN(vstore, LANES)(sum[r][n], 0, lane);
#pragma unroll
            for (int i = 0; i < LANES; ++i) total += lane[i];
            for (int i = k; i < inner; ++i) total += x[r * inner + i] * from[(size_t)n * inner + i];
            STORE_ONE(out + (size_t)r * columns + first + n, EPILOGUE_ONE(total, r, first + n));
        }
    }
}
