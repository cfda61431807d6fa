// conv_plain: convolution in up to three axes for every element type and device; one output element a work-item.
//   x [N, depth, height, width, C], w [O, taps, C / groups], out [N, .., O]; channels last; fewer axes: leading extents 1
//   X, W: storage types, LOAD_X(p, i), LOAD_W(p, i) read them as SUM; OUT, STORE_ONE write what the epilogue returns
//   global (items rounded up to the local size), local (-DLOCAL)
//   error of floats <= K * 2^-24 * sum |x||w|, K = taps * C / groups; integers exact modulo SUM's range
#ifndef KERNEL
#define KERNEL conv_plain
#define X float
#define W float
#define SUM float
#define OUT float
#define LOAD_X(p, i) p[i]
#define LOAD_W(p, i) p[i]
#define STORE_ONE(at, value) *(at) = value
#define EPILOGUE_PARAMETERS
#define EPILOGUE_ONE(given, row, column) (given)
#define LOCAL 64
#endif

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void KERNEL(
    __global const X* restrict x, __global const W* restrict w, __global OUT* restrict out, int items, int columns, int group_columns, int inner,
    int channels, int depth, int height, int width, int out_depth, int out_height, int out_width, int kernel_depth, int kernel_height,
    int kernel_width, int stride_z, int stride_y, int stride_x, int dilation_z, int dilation_y, int dilation_x, int pad_z, int pad_y,
    int pad_x EPILOGUE_PARAMETERS) {
    const int item = get_global_id(0);
    if (item >= items) return;
    const int column = item % columns, row = item / columns;
    const int at_x = row % out_width, at_y = row / out_width % out_height, at_z = row / out_width / out_height % out_depth;
    const int image = row / out_width / out_height / out_depth;
    const int group = column / group_columns;
    SUM sum = 0;
    for (int tap_z = 0; tap_z < kernel_depth; ++tap_z) {
        const int z = at_z * stride_z + tap_z * dilation_z - pad_z;
        if (z < 0 || z >= depth) continue;
        for (int tap_y = 0; tap_y < kernel_height; ++tap_y) {
            const int y = at_y * stride_y + tap_y * dilation_y - pad_y;
            if (y < 0 || y >= height) continue;
            for (int tap_x = 0; tap_x < kernel_width; ++tap_x) {
                const int place = at_x * stride_x + tap_x * dilation_x - pad_x;
                if (place < 0 || place >= width) continue;
                const size_t from = ((((size_t)image * depth + z) * height + y) * width + place) * channels + group * inner;
                const size_t weight = ((((size_t)column * kernel_depth + tap_z) * kernel_height + tap_y) * kernel_width + tap_x) * inner;
                for (int c = 0; c < inner; ++c) sum += LOAD_X(x, from + c) * LOAD_W(w, weight + c);
            }
        }
    }
    STORE_ONE(out + item, EPILOGUE_ONE(sum, row, column));
}
