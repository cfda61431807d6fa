// depthwise_gpu: each channel convolved by itself on GPUs; a work-item makes TILE_X neighbours of one channel in a line, whose
// windows share what they read.
//   x float [N, height, width, channels], w float [KERNEL_Y * KERNEL_X, channels], out [N, out_height, out_width, channels]; one
//   axis: heights and KERNEL_Y 1; OUT, STORE_ONE write what the epilogue returns
//   items = N * out_height * ceil(out_width / TILE_X) * channels, neighbours differ in the channel
//   global (items rounded up to LOCAL), local (LOCAL, 1, 1); tensors of fewer than 2^31 elements
//   error <= KERNEL_Y * KERNEL_X * 2^-24 * sum |x||w|; needs OpenCL 1.2, no extensions
#ifndef KERNEL
#define KERNEL depthwise_gpu
#define OUT float
#define STORE_ONE(at, value) *(at) = value
#define EPILOGUE_PARAMETERS
#define EPILOGUE_ONE(given, row, column) (given)
#define LOCAL 64
#define TILE_X 4  // outputs of a work-item
#define KERNEL_Y 3
#define KERNEL_X 3
#define STRIDE_Y 1
#define STRIDE_X 1
#define DILATION_Y 1
#define DILATION_X 1
#endif

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void KERNEL(__global const float* restrict x, __global const float* restrict w,
                                                                        __global OUT* restrict out, int items, int channels, int height,
                                                                        int width, int out_height, int out_width, int pad_y,
                                                                        int pad_x EPILOGUE_PARAMETERS) {
    const int item = get_global_id(0);
    if (item >= items) return;
    const int patches = (out_width + TILE_X - 1) / TILE_X;
    const int channel = item % channels, patch = item / channels;
    const int first = patch % patches * TILE_X, y = patch / patches % out_height, image = patch / patches / out_height;
    const int left = first * STRIDE_X - pad_x;
    float sum[TILE_X];
#pragma unroll
    for (int n = 0; n < TILE_X; ++n) sum[n] = 0.0f;
    for (int tap_y = 0; tap_y < KERNEL_Y; ++tap_y) {
        const int at_y = y * STRIDE_Y + tap_y * DILATION_Y - pad_y;
        if (at_y < 0 || at_y >= height) continue;
        const int line = (image * height + at_y) * width * channels + channel;
#pragma unroll
        for (int tap_x = 0; tap_x < KERNEL_X; ++tap_x) {
            const float weight = w[(tap_y * KERNEL_X + tap_x) * channels + channel];
#pragma unroll
            for (int n = 0; n < TILE_X; ++n) {
                const int at = left + n * STRIDE_X + tap_x * DILATION_X;
                if (at >= 0 && at < width) sum[n] += x[line + at * channels] * weight;
            }
        }
    }
#pragma unroll
    for (int n = 0; n < TILE_X; ++n) {
        const int row = (image * out_height + y) * out_width + first + n;
        if (first + n < out_width) STORE_ONE(out + row * channels + channel, EPILOGUE_ONE(sum[n], row, channel));
    }
}
