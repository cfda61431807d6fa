// winograd_output_f32_simd: out tile = epilogue(A^T m A): the last step of F(4x4, 3x3).
//   m float [36, tiles of this launch, columns], LANES <= columns; tile t is number first_tile + t as in winograd_input
//   out [N, out_height, out_width, columns] of type OUT, row r at out + out_first + r * out_row; positions of a tile beyond the image are left out
//   global (tiles of this launch, ceil(columns / LANES)), local (1, 1, 1); the last vector moves back to end with the row
//   error: sums of up to 5 terms weighted up to 8 in each direction
// Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, F(4x4, 3x3).
#ifndef KERNEL
#define KERNEL winograd_output_f32_simd
#define LANES 16  // columns of a vector
#define EPILOGUE_PARAMETERS
#define EPILOGUE_LANES(given, row, column) (given)
#define OUT float
#define STORE_LANES(at, value) vstore16(value, 0, at)
#endif
#ifndef VECTOR
#define SHOAL_JOIN_(a, b) a##b
#define SHOAL_JOIN(a, b) SHOAL_JOIN_(a, b)
#define VECTOR SHOAL_JOIN(float, LANES)
#endif

// A^T applied to six vectors.
#define SHOAL_WINOGRAD_OUTPUT(out, m0, m1, m2, m3, m4, m5)                                      \
    do {                                                                                        \
        const VECTOR sum_1 = (m1) + (m2), sum_2 = (m3) + (m4), gap_1 = (m1) - (m2), gap_2 = (m3) - (m4); \
        out[0] = (m0) + sum_1 + sum_2;                                                          \
        out[1] = gap_1 + 2.0f * gap_2;                                                          \
        out[2] = sum_1 + 4.0f * sum_2;                                                          \
        out[3] = gap_1 + 8.0f * gap_2 + (m5);                                                   \
    } while (0)

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void KERNEL(__global const float* restrict m, __global OUT* restrict out, int out_height,
                                                                    int out_width, int columns, int tile_rows, int tile_columns, int first_tile,
                                                                    int tiles, int out_row, int out_first EPILOGUE_PARAMETERS) {
    const int tile = get_global_id(0), number = first_tile + tile, at_column = min((int)get_global_id(1) * LANES, columns - LANES);
    const int top = number / tile_columns % tile_rows * 4, left = number % tile_columns * 4, image = number / tile_columns / tile_rows;
    __global const float* from = m + (size_t)tile * columns + at_column;
    VECTOR half_done[6][4];
#pragma unroll
    for (int i = 0; i < 6; ++i) {
        VECTOR row[6];
#pragma unroll
        for (int j = 0; j < 6; ++j) row[j] = SHOAL_JOIN(vload, LANES)(0, from + (size_t)(i * 6 + j) * tiles * columns);
        SHOAL_WINOGRAD_OUTPUT(half_done[i], row[0], row[1], row[2], row[3], row[4], row[5]);
    }
#pragma unroll
    for (int j = 0; j < 4; ++j) {
        VECTOR column[4];
        SHOAL_WINOGRAD_OUTPUT(column, half_done[0][j], half_done[1][j], half_done[2][j], half_done[3][j], half_done[4][j], half_done[5][j]);
        if (left + j >= out_width) continue;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            if (top + i >= out_height) continue;
            const int result_row = (image * out_height + top + i) * out_width + left + j;
            STORE_LANES(out + out_first + (size_t)result_row * out_row + at_column, EPILOGUE_LANES(column[i], result_row, at_column));
        }
    }
}
