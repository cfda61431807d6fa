// planar_conv_f32_simd: convolutions of few channels that lie in planes, on wide-SIMD CPUs, one register tile a work-item.
//   out[n, v, u, o] = epilogue(sum over taps ty, tx and channels c of x[n, c, v * STRIDE_Y - pad_y + ty * DILATION_Y,
//   u * STRIDE_X - pad_x + tx * DILATION_X] * w[o, ty, tx, c]), zeros outside of x
//   x float [N, CHANNELS, height, width]; w packed by pack_f32: [panel, ty, tx, c, TILE_VECTORS * LANES]
//   out element type OUT, place r of [N, out_height, out_width] at out + out_first + r * out_row; columns >= LANES: the last
//   vectors move back to end with the last column (what they share is computed twice, alike; pack_f32 packs by the same rule)
//   a tile is TILE_ROWS <= out_width places of one line; the last one of a line moves back to end with it
//   global (panels, ceil(out_width / TILE_ROWS), N * out_height), local (1, 1, 1)
//   error <= K * 2^-24 * sum |x||w|, K = KERNEL_Y * KERNEL_X * CHANNELS; needs OpenCL 1.2, no extensions
// Every factor of x lies a fixed distance from one pointer a line, and no copy of the picture with its channels together is
// made. Where a tile reaches beyond a line's ends, the line is copied first, with its zeros.
#ifndef KERNEL
#define KERNEL planar_conv_f32_simd
#define LANES 16        // floats of a vector
#define TILE_ROWS 8     // places of the register tile
#define TILE_VECTORS 2  // vectors of the register tile
#define CHANNELS 3
#define KERNEL_Y 3
#define KERNEL_X 3
#define STRIDE_Y 2
#define STRIDE_X 2
#define DILATION_Y 1
#define DILATION_X 1
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
#ifndef PANEL
#define PANEL (TILE_VECTORS * LANES)
#endif
// Places of a line that the taps of a tile reach.
#undef SHOAL_SPAN
#define SHOAL_SPAN ((TILE_ROWS - 1) * STRIDE_X + (KERNEL_X - 1) * DILATION_X + 1)

// Adds the taps of one line of one channel, which begins at `line`; `weights` are those of this line and channel. Unrolled,
// more would be alive than there are registers.
#ifndef SHOAL_ADD_LINE
#define SHOAL_ADD_LINE(line)                                                                                   \
    do {                                                                                                       \
        _Pragma("nounroll") for (int tap = 0; tap < KERNEL_X; ++tap) {                                         \
            VECTOR right[TILE_VECTORS];                                                                        \
            _Pragma("unroll") for (int j = 0; j < TILE_VECTORS; ++j)                                           \
                right[j] = SHOAL_JOIN(vload, LANES)(j, weights + tap * CHANNELS * PANEL);                      \
            _Pragma("unroll") for (int i = 0; i < TILE_ROWS; ++i) {                                            \
                _Pragma("unroll") for (int j = 0; j < TILE_VECTORS; ++j)                                       \
                    sum[i][j] += (VECTOR)((line)[i * STRIDE_X + tap * DILATION_X]) * right[j];                 \
            }                                                                                                  \
        }                                                                                                      \
    } while (0)
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void KERNEL(
    __global const float* restrict x, __global const float* restrict w, __global OUT* restrict out, int height, int width,
    int out_height, int out_width, int pad_y, int pad_x, int columns, int out_row, int out_first EPILOGUE_PARAMETERS) {
    const int line = get_global_id(2), panel = get_global_id(0);
    const int first = min((int)get_global_id(1) * TILE_ROWS, out_width - TILE_ROWS);
    const int top = line % out_height * STRIDE_Y - pad_y, left = first * STRIDE_X - pad_x;
    const bool inside = left >= 0 && left + SHOAL_SPAN <= width;
    __global const float* image = x + (size_t)(line / out_height) * CHANNELS * height * width;
    VECTOR sum[TILE_ROWS][TILE_VECTORS];
#pragma unroll
    for (int i = 0; i < TILE_ROWS; ++i) {
#pragma unroll
        for (int j = 0; j < TILE_VECTORS; ++j) sum[i][j] = (VECTOR)(0.0f);
    }
    for (int tap_y = 0; tap_y < KERNEL_Y; ++tap_y) {
        const int y = top + tap_y * DILATION_Y;
        if (y < 0 || y >= height) continue;
        __global const float* weights = w + ((size_t)panel * KERNEL_Y + tap_y) * KERNEL_X * CHANNELS * PANEL;
        for (int c = 0; c < CHANNELS; ++c, weights += PANEL) {
            __global const float* from = image + ((size_t)c * height + y) * width;
            if (inside) {
                from += left;
                SHOAL_ADD_LINE(from);
            } else {
                float edge[SHOAL_SPAN];
                for (int k = 0; k < SHOAL_SPAN; ++k) edge[k] = left + k >= 0 && left + k < width ? from[left + k] : 0.0f;
                SHOAL_ADD_LINE(edge);
            }
        }
    }
#pragma unroll
    for (int i = 0; i < TILE_ROWS; ++i) {
        const int row = line * out_width + first + i;
        __global OUT* to = out + out_first + (size_t)row * out_row;
#pragma unroll
        for (int j = 0; j < TILE_VECTORS; ++j) {
            const int at = min(panel * PANEL + j * LANES, columns - LANES);
            STORE_LANES(to + at, EPILOGUE_LANES(sum[i][j], row, at));
        }
    }
}
