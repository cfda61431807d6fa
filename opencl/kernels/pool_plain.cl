// pool_plain: maximum, its position, or sum over windows in up to three axes, for every element type and device.
//   x [N, depth, height, width, channels], out [N, .., channels]; channels last; fewer axes: leading extents 1
//   X: storage type, LOAD_X(p, i) reads it as VALUE; -DSUM adds, -DPOSITION gives the row-major position of the first
//   maximum (long), otherwise the maximum; LOWEST for a window of padding only. NaN wins over numbers.
//   global (items rounded up to the local size), local (-DLOCAL)
#ifndef KERNEL
#define KERNEL pool_plain
#define X float
#define VALUE float
#define LOWEST (-INFINITY)
#define OUT float
#define LOAD_X(p, i) p[i]
#define STORE_ONE(at, value) *(at) = value
#define EPILOGUE_PARAMETERS
#define EPILOGUE_ONE(given, row, column) (given)
#define LOCAL 64
#endif

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void KERNEL(
    __global const X* restrict x, __global OUT* restrict out, int items, int channels, int depth, int height, int width, int out_depth, int out_height,
    int out_width, int kernel_depth, int kernel_height, int kernel_width, int stride_z, int stride_y, int stride_x, int dilation_z, int dilation_y,
    int dilation_x, int pad_z, int pad_y, int pad_x EPILOGUE_PARAMETERS) {
    const int item = get_global_id(0);
    if (item >= items) return;
    const int column = item % channels, row = item / channels;
    const int at_x = row % out_width, at_y = row / out_width % out_height, at_z = row / out_width / out_height % out_depth;
    const int image = row / out_width / out_height / out_depth;
    VALUE best = LOWEST, sum = 0;
    long where = 0;
    bool first = true;
    for (int tap_z = 0; tap_z < kernel_depth; ++tap_z) {
        const int z = at_z * stride_z + tap_z * dilation_z - pad_z;
        if (z < 0 || z >= depth) continue;
        for (int tap_y = 0; tap_y < kernel_height; ++tap_y) {
            const int y = at_y * stride_y + tap_y * dilation_y - pad_y;
            if (y < 0 || y >= height) continue;
            for (int tap_x = 0; tap_x < kernel_width; ++tap_x) {
                const int place = at_x * stride_x + tap_x * dilation_x - pad_x;
                if (place < 0 || place >= width) continue;
                const long position = ((long)z * height + y) * width + place;
                const VALUE value = LOAD_X(x, ((size_t)image * depth * height * width + position) * channels + column);
                sum += value;
                if (first || value > best || (value != value && best == best)) {
                    best = value;
                    where = position;
                    first = false;
                }
            }
        }
    }
#if defined(SUM)
    STORE_ONE(out + item, EPILOGUE_ONE(sum, row, column));
#elif defined(POSITION)
    STORE_ONE(out + item, EPILOGUE_ONE(where, row, column));
#else
    STORE_ONE(out + item, EPILOGUE_ONE(best, row, column));
#endif
}
