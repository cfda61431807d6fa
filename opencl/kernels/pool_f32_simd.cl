// pool_f32_simd: out[n, y, x, c] = epilogue(maximum or sum of x over a window) on wide-SIMD CPUs; padding is left out.
//   x float [N, height, width, channels], out [N, out_height, out_width, channels], row r at out + out_first + r * out_row;
//   LANES <= channels
//   -DSUM adds, otherwise the maximum is taken (-infinity for a window of padding only)
//   global (out_width, N * out_height, ceil(channels / item_channels)), local (1, 1, 1): a work-item makes item_channels
//   channels of one position, a multiple of LANES
//   The last vector of channels moves back to end with the row (computed twice, alike).
#ifndef KERNEL
#define KERNEL pool_f32_simd
#define LANES 16  // channels of a vector
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
#undef START
#undef FOLD
#ifdef SUM
#define START 0.0f
#define FOLD(a, b) ((a) + (b))
#else
#define START (-INFINITY)
#define FOLD(a, b) ((a) != (a) || (a) > (b) ? (a) : (b))  // NaN goes through
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void KERNEL(__global const float* restrict x, __global OUT* restrict out, int height, int width,
                                                                    int out_height, int out_width, int channels, int item_channels, int kernel_height,
                                                                    int kernel_width, int stride_y, int stride_x, int dilation_y,
                                                                    int dilation_x, int pad_y, int pad_x, int out_row, int out_first EPILOGUE_PARAMETERS) {
    const int line = get_global_id(1), row = line * out_width + get_global_id(0);
    const int top = line % out_height * stride_y - pad_y, left = (int)get_global_id(0) * stride_x - pad_x;
    __global const float* image = x + (size_t)(line / out_height) * height * width * channels;
    const int first = (int)get_global_id(2) * item_channels, last = min(first + item_channels, channels);
    for (int block = first; block < last; block += LANES) {
        const int channel = min(block, channels - LANES);
        VECTOR folded = (VECTOR)(START);
        for (int tap_y = 0; tap_y < kernel_height; ++tap_y) {
            const int y = top + tap_y * dilation_y;
            if (y < 0 || y >= height) continue;
            for (int tap_x = 0; tap_x < kernel_width; ++tap_x) {
                const int at = left + tap_x * dilation_x;
                if (at < 0 || at >= width) continue;
                const VECTOR next = SHOAL_JOIN(vload, LANES)(0, image + ((size_t)y * width + at) * channels + channel);
                folded = FOLD(folded, next);
            }
        }
        STORE_LANES(out + out_first + (size_t)row * out_row + channel, EPILOGUE_LANES(folded, row, channel));
    }
}
