// depthwise_f32_simd: out[n, y, x, c] = epilogue(sum over taps of x[n, y', x', c] * w[tap, c]) on wide-SIMD CPUs.
//   x float [N, height, width, channels], w float [KERNEL_Y * KERNEL_X, channels], out [N, out_height, out_width, channels]
//   LANES <= channels, TILE_X <= out_width, TILE_Y <= out_height; zeros: LANES zeros, read for positions in the padding
//   global (ceil(channels / LANES), ceil(out_width / TILE_X), N * ceil(out_height / TILE_Y)), local (1, 1, 1)
//   A work-item makes TILE_Y x TILE_X outputs of LANES channels. Each input vector is loaded once and serves all outputs of the
//   tile that it falls to; neighbouring work-items read neighbouring channels.
//   The last channels and the last tiles move back so that they end with the image (computed twice, alike).
//   error <= taps * 2^-24 * sum |x||w|; needs OpenCL 1.2, no extensions
#ifndef KERNEL
#define KERNEL depthwise_f32_simd
#define LANES 16  // channels of a vector
#define TILE_X 4
#define TILE_Y 1
#define KERNEL_X 3
#define KERNEL_Y 3
#define STRIDE_X 1
#define STRIDE_Y 1
#define DILATION_X 1
#define DILATION_Y 1
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
// Input columns and rows that a tile reads; they depend on nothing but constants, so the arrays below become registers.
#define SPAN_X ((TILE_X - 1) * STRIDE_X + (KERNEL_X - 1) * DILATION_X + 1)
#define SPAN_Y ((TILE_Y - 1) * STRIDE_Y + (KERNEL_Y - 1) * DILATION_Y + 1)

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void KERNEL(
    __global const float* restrict x, __global const float* restrict w, __global OUT* restrict out, __global const float* restrict zeros, int height,
    int width, int out_height, int out_width, int channels, int pad_y, int pad_x EPILOGUE_PARAMETERS) {
    const int channel = min((int)get_global_id(0) * LANES, channels - LANES), tile_lines = (out_height + TILE_Y - 1) / TILE_Y;
    const int out_x = min((int)get_global_id(1) * TILE_X, out_width - TILE_X);
    const int image = (int)get_global_id(2) / tile_lines, out_y = min((int)get_global_id(2) % tile_lines * TILE_Y, out_height - TILE_Y);
    const int left = out_x * STRIDE_X - pad_x, top = out_y * STRIDE_Y - pad_y;
    const bool inside = left >= 0 && left + SPAN_X <= width;
    VECTOR sum[TILE_Y][TILE_X];
#pragma unroll
    for (int j = 0; j < TILE_Y; ++j) {
#pragma unroll
        for (int i = 0; i < TILE_X; ++i) sum[j][i] = (VECTOR)(0.0f);
    }
#if TILE_Y > 1
#pragma unroll
#endif
    for (int r = 0; r < SPAN_Y; ++r) {
        const int y = top + r;
        if (y < 0 || y >= height) continue;
        __global const float* line = x + ((size_t)(image * height + y) * width + left) * channels + channel;
        VECTOR in[SPAN_X];
        if (inside) {
#pragma unroll
            for (int i = 0; i < SPAN_X; ++i) in[i] = SHOAL_JOIN(vload, LANES)(0, line + (size_t)i * channels);
        } else {
#pragma unroll
            for (int i = 0; i < SPAN_X; ++i)
                in[i] = SHOAL_JOIN(vload, LANES)(0, left + i >= 0 && left + i < width ? line + (size_t)i * channels : zeros);
        }
#pragma unroll
        for (int j = 0; j < TILE_Y; ++j) {
            const int down = r - j * STRIDE_Y;
            if (down < 0 || down > (KERNEL_Y - 1) * DILATION_Y || down % DILATION_Y != 0) continue;
            __global const float* weights = w + down / DILATION_Y * KERNEL_X * channels + channel;
#pragma unroll
            for (int t = 0; t < KERNEL_X; ++t) {
                const VECTOR weight = SHOAL_JOIN(vload, LANES)(0, weights + t * channels);
#pragma unroll
                for (int i = 0; i < TILE_X; ++i) sum[j][i] += in[i * STRIDE_X + t * DILATION_X] * weight;
            }
        }
    }
#pragma unroll
    for (int j = 0; j < TILE_Y; ++j) {
#pragma unroll
        for (int i = 0; i < TILE_X; ++i) {
            const int row = (image * out_height + out_y + j) * out_width + out_x + i;
            STORE_LANES(out + (size_t)row * channels + channel, EPILOGUE_LANES(sum[j][i], row, channel));
        }
    }
}
#undef SPAN_X
#undef SPAN_Y
