// depthwise_f32_simd: out[n, y, x, c] = epilogue(sum over taps of x[n, y', x', c] * w[tap, c]) on wide-SIMD CPUs.
//   x float [N, height, width, channels], w float [taps, channels], out [N, out_height, out_width, channels]; LANES <= channels
//   zeros: at least `channels` zeros, read for taps in the padding
//   global (ceil(out_width / TILE), N * out_height, ceil(channels / LANES)), local (1, 1, 1)
//   The last vector of channels, and the last tile of a row, move back so that they end with the row (computed twice, alike).
//   error <= taps * 2^-24 * sum |x||w|; needs OpenCL 1.2, no extensions
#ifndef KERNEL
#define KERNEL depthwise_f32_simd
#define LANES 16  // channels of a vector
#define TILE 4    // neighbouring outputs that share the weights in registers
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

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void KERNEL(
    __global const float* restrict x, __global const float* restrict w, __global OUT* restrict out, __global const float* restrict zeros, int height,
    int width, int out_height, int out_width, int channels, int kernel_height, int kernel_width, int stride_y, int stride_x, int dilation_y,
    int dilation_x, int pad_y, int pad_x EPILOGUE_PARAMETERS) {
    const int line = get_global_id(1), channel = min((int)get_global_id(2) * LANES, channels - LANES);
    const int first = max(min((int)get_global_id(0) * TILE, out_width - TILE), 0), here = min(TILE, out_width);
    const int image = line / out_height * height, top = line % out_height * stride_y - pad_y;
    VECTOR sum[TILE];
#pragma unroll
    for (int i = 0; i < TILE; ++i) sum[i] = (VECTOR)(0.0f);
    for (int tap_y = 0; tap_y < kernel_height; ++tap_y) {
        const int y = top + tap_y * dilation_y;
        if (y < 0 || y >= height) continue;
        __global const float* line_start = x + (size_t)(image + y) * width * channels + channel;
        for (int tap_x = 0; tap_x < kernel_width; ++tap_x) {
            const VECTOR weight = SHOAL_JOIN(vload, LANES)(0, w + (tap_y * kernel_width + tap_x) * channels + channel);
#pragma unroll
            for (int i = 0; i < TILE; ++i) {
                const int at = (first + i) * stride_x - pad_x + tap_x * dilation_x;
                __global const float* from = at >= 0 && at < width ? line_start + (size_t)at * channels : zeros;
                sum[i] += SHOAL_JOIN(vload, LANES)(0, from) * weight;
            }
        }
    }
#pragma unroll
    for (int i = 0; i < TILE; ++i) {
        const int row = line * out_width + first + i;
        if (i < here) STORE_LANES(out + (size_t)row * channels + channel, EPILOGUE_LANES(sum[i], row, channel));
    }
}
