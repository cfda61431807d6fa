// contract_f32_simd: matrix products and convolutions on wide-SIMD CPUs, one register tile a work-item.
//   out[r, o] = epilogue(sum over taps t and channels c of x[place(r, t), c] * w[o, t, c])
//   Without TAPS a matrix product: place(r) is row r of x, at x + batch * x_batch + r * x_row.
//   With TAPS a convolution in up to two axes: r counts n, y, x of the output; taps that fall into the padding read zeros.
//   With GROUPS "batch" counts the groups of a convolution, whose columns stand side by side in out.
//   x float, channels contiguous; w packed by pack_f32: [batch or group, panel, tap, channel, TILE_VECTORS * LANES]
//   out element type OUT, row r of batch b at out + out_first + b * out_batch + r * out_row
//   global (ceil(rows / TILE_ROWS), panels, batches or groups), local (1, 1, 1); -DPANELS_FIRST: (panels, row tiles, ...), so
//   that neighbouring work-items share rows of x and not a panel
//   -DAHEAD: every work-item fetches its share of the panel behind its own into the cache while it computes; there are fewer row
//   tiles than bytes in a panel's row
//   columns >= LANES: the last vectors move back to end with the last column (what they share is computed twice, alike; pack_f32
//   packs by the same rule); -DNARROW: fewer columns than LANES, one vector, stored float by float
//   rows >= TILE_ROWS: the last tile moves up to end with the last row (rows it shares are computed twice, alike)
//   error <= K * 2^-24 * sum |x||w|, K = taps * channels; needs OpenCL 1.2, no extensions
// Tile as in Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008, except that x is read where
// it lies: channels-last rows need neither im2col nor packing.
#ifndef KERNEL
#define KERNEL contract_f32_simd
#define TAPS
#define LANES 16        // floats of a vector
#define TILE_ROWS 8     // rows of the register tile
#define TILE_VECTORS 2  // vectors of the register tile
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

#undef SHOAL_DEPTH
#ifdef TAPS
#define SHOAL_DEPTH (kernel_height * kernel_width * inner)
#else
#define SHOAL_DEPTH inner
#endif
#undef SHOAL_AHEAD
#if defined(AHEAD) && (defined(__x86_64__) || defined(__aarch64__) || defined(__arm__))
#define SHOAL_AHEAD() __builtin_prefetch((const void*)ahead, 0, 2), ahead += ahead_step
#else
#define SHOAL_AHEAD()
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void KERNEL(
    __global const float* restrict x, __global const float* restrict w, __global OUT* restrict out,
#ifdef TAPS
    __global const float* restrict zeros, int height, int width, int out_height, int out_width, int kernel_height, int kernel_width,
    int stride_y, int stride_x, int dilation_y, int dilation_x, int pad_y, int pad_x,
#endif
    int rows, int columns, int inner, int x_row, int x_batch, int w_batch, int out_row, int out_batch,
    int out_first EPILOGUE_PARAMETERS) {
#ifdef PANELS_FIRST
    const int row_tile = get_global_id(1), panel = get_global_id(0), batch = get_global_id(2);
#else
    const int row_tile = get_global_id(0), panel = get_global_id(1), batch = get_global_id(2);
#endif
    const int first = min(row_tile * TILE_ROWS, rows - TILE_ROWS);
    __global const float* from = x + (size_t)batch * x_batch;
#ifdef AHEAD
    const int depth = SHOAL_DEPTH, ahead_step = PANEL * (int)sizeof(float) * TILE_ROWS / rows;
    size_t ahead = (size_t)(w + (size_t)batch * w_batch + (size_t)(panel + 1) * depth * PANEL) + (size_t)row_tile * depth * ahead_step;
#endif
    VECTOR sum[TILE_ROWS][TILE_VECTORS];
#pragma unroll
    for (int i = 0; i < TILE_ROWS; ++i) {
#pragma unroll
        for (int j = 0; j < TILE_VECTORS; ++j) sum[i][j] = (VECTOR)(0.0f);
    }
#ifdef TAPS
    __global const float* weights = w + (size_t)batch * w_batch + (size_t)panel * kernel_height * kernel_width * inner * PANEL;
    int image[TILE_ROWS], top[TILE_ROWS], left[TILE_ROWS];
#pragma unroll
    for (int i = 0; i < TILE_ROWS; ++i) {
        const int y = (first + i) / out_width;
        image[i] = y / out_height * height;
        top[i] = y % out_height * stride_y - pad_y;
        left[i] = (first + i) % out_width * stride_x - pad_x;
    }
    for (int tap_y = 0; tap_y < kernel_height; ++tap_y) {
        for (int tap_x = 0; tap_x < kernel_width; ++tap_x) {
            __global const float* row[TILE_ROWS];
#pragma unroll
            for (int i = 0; i < TILE_ROWS; ++i) {
                const int y = top[i] + tap_y * dilation_y, at = left[i] + tap_x * dilation_x;
                const bool inside = y >= 0 && y < height && at >= 0 && at < width;
                row[i] = inside ? from + ((size_t)(image[i] + y) * width + at) * x_row : zeros;
            }
#else
    __global const float* weights = w + (size_t)batch * w_batch + (size_t)panel * inner * PANEL;
    __global const float* row[TILE_ROWS];
#pragma unroll
    for (int i = 0; i < TILE_ROWS; ++i) row[i] = from + (size_t)(first + i) * x_row;
#endif
            for (int k = 0; k < inner; ++k) {
                VECTOR right[TILE_VECTORS];
#pragma unroll
                for (int j = 0; j < TILE_VECTORS; ++j) right[j] = SHOAL_JOIN(vload, LANES)(j, weights);
                weights += PANEL;
                SHOAL_AHEAD();
#pragma unroll
                for (int i = 0; i < TILE_ROWS; ++i) {
#pragma unroll
                    for (int j = 0; j < TILE_VECTORS; ++j) sum[i][j] += (VECTOR)(row[i][k]) * right[j];
                }
            }
#ifdef TAPS
        }
    }
#endif
#pragma unroll
    for (int i = 0; i < TILE_ROWS; ++i) {
        __global OUT* to = out + out_first + (size_t)batch * out_batch + (size_t)(first + i) * out_row;
#if defined(TAPS) || defined(GROUPS)
        const int result_row = first + i, result_column = batch * columns;
#else
        const int result_row = batch * rows + first + i, result_column = 0;  // batches follow each other
#endif
#ifdef NARROW
        float lane[LANES];
        SHOAL_JOIN(vstore, LANES)(sum[i][0], 0, lane);
        for (int n = 0; n < columns; ++n) STORE_ONE(to + n, EPILOGUE_ONE(lane[n], result_row, result_column + n));
#else
#pragma unroll
        for (int j = 0; j < TILE_VECTORS; ++j) {
            const int at = min(panel * PANEL + j * LANES, columns - LANES);
            STORE_LANES(to + at, EPILOGUE_LANES(sum[i][j], result_row, result_column + at));
        }
#endif
    }
}
