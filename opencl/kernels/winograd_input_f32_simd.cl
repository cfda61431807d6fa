// winograd_input_f32_simd: v[xi] = B^T d B for each 6x6 tile d of x, tiles overlapping by 2: the first step of F(4x4, 3x3).
//   x float [N, height, width, channels], LANES <= channels; positions outside count as 0
//   v float [36, tiles of this launch, channels]; tile t is number first_tile + t, row-major over n, tile_rows, tile_columns
//   global (tiles of this launch, ceil(channels / LANES)), local (1, 1, 1); the last vector moves back to end with the row
//   error: sums of up to 6 terms weighted up to 5 in each direction
// Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, F(4x4, 3x3).
#ifndef KERNEL
#define KERNEL winograd_input_f32_simd
#define LANES 16  // channels of a vector
#endif
#ifndef VECTOR
#define SHOAL_JOIN_(a, b) a##b
#define SHOAL_JOIN(a, b) SHOAL_JOIN_(a, b)
#define VECTOR SHOAL_JOIN(float, LANES)
#endif

// B^T applied to six vectors.
#define SHOAL_WINOGRAD_INPUT(out, d0, d1, d2, d3, d4, d5)               \
    do {                                                                \
        const VECTOR even = (d4) - 4.0f * (d2), odd = (d3) - 4.0f * (d1); \
        const VECTOR low = (d4) - (d2), high = 2.0f * ((d3) - (d1));    \
        out[0] = 4.0f * (d0) - 5.0f * (d2) + (d4);                      \
        out[1] = even + odd;                                            \
        out[2] = even - odd;                                            \
        out[3] = low + high;                                            \
        out[4] = low - high;                                            \
        out[5] = 4.0f * (d1) - 5.0f * (d3) + (d5);                      \
    } while (0)

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void KERNEL(__global const float* restrict x, __global float* restrict v, int height, int width,
                                                                    int channels, int tile_rows, int tile_columns, int first_tile, int tiles,
                                                                    int pad_y, int pad_x) {
    const int tile = get_global_id(0), number = first_tile + tile, channel = min((int)get_global_id(1) * LANES, channels - LANES);
    const int top = number / tile_columns % tile_rows * 4 - pad_y, left = number % tile_columns * 4 - pad_x;
    __global const float* image = x + (size_t)(number / tile_columns / tile_rows) * height * width * channels + channel;
    VECTOR half_done[6][6];
#pragma unroll
    for (int i = 0; i < 6; ++i) {
        const int y = top + i;
        VECTOR row[6];
#pragma unroll
        for (int j = 0; j < 6; ++j) {
            const int at = left + j;
            const bool inside = y >= 0 && y < height && at >= 0 && at < width;
            row[j] = inside ? SHOAL_JOIN(vload, LANES)(0, image + ((size_t)y * width + at) * channels) : (VECTOR)(0.0f);
        }
        SHOAL_WINOGRAD_INPUT(half_done[i], row[0], row[1], row[2], row[3], row[4], row[5]);
    }
    __global float* to = v + (size_t)tile * channels + channel;
#pragma unroll
    for (int j = 0; j < 6; ++j) {
        VECTOR column[6];
        SHOAL_WINOGRAD_INPUT(column, half_done[0][j], half_done[1][j], half_done[2][j], half_done[3][j], half_done[4][j], half_done[5][j]);
#pragma unroll
        for (int i = 0; i < 6; ++i) SHOAL_JOIN(vstore, LANES)(column[i], 0, to + (size_t)(i * 6 + j) * tiles * channels);
    }
}
