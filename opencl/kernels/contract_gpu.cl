// contract_gpu: matrix products and convolutions on GPUs: a tile of the output a work-group, which brings STEPS values of k of
// both sides into local memory at a time.
//   out[r, o] = epilogue(sum over k of x[r, k] * w[k, o])
//   Without TAPS matrix products: x[r, k] at x + r * x_row + k; the batch as up to three axes, extents batch_y, batch_x (the
//   outermost is what is left), with strides in elements, 0 where an operand is the same for all; results follow each other.
//   With TAPS a convolution in up to two axes, with VOLUME in three: r counts n, z, y, x of the output, k taps and channels; taps
//   that fall into the padding count 0; "batches" are groups, whose columns stand side by side in out.
//   x channels last; w[k, o] at w + k * w_k + o * w_column; -DW_ALONG_K: w_k is 1, and neighbouring work-items read along k
//   X, W: storage types, LOAD_X(p, i), LOAD_W(p, i) read them as SUM; OUT, STORE_ONE write what the epilogue returns
//   global (column tiles * ITEMS, row tiles, batches or groups), local (ITEMS, 1, 1), ITEMS = tile / (ITEM_ROWS * ITEM_COLUMNS);
//   ITEMS is a multiple of STEPS, and the elements of both panels are multiples of ITEMS
//   local memory STEPS * (TILE_ROWS + TILE_COLUMNS + 2) values of SUM; tensors of fewer than 2^31 elements
//   error of floats <= K * 2^-24 * sum |x||w|; integers exact modulo SUM's range; needs OpenCL 1.2, no extensions
// Tile as in Volkov and Demmel, "Benchmarking GPUs to Tune Dense Linear Algebra", 2008; a work-item's rows and columns lie a
// whole tile's work-items apart, so that neighbours read and write neighbouring elements.
#ifndef KERNEL
#define KERNEL contract_gpu
#define TAPS
#define VOLUME
#define X float
#define W float
#define SUM float
#define OUT float
#define LOAD_X(p, i) p[i]
#define LOAD_W(p, i) p[i]
#define STORE_ONE(at, value) *(at) = value
#define EPILOGUE_PARAMETERS
#define EPILOGUE_ONE(given, row, column) (given)
#define TILE_ROWS 64    // rows of a work-group's tile
#define TILE_COLUMNS 64 // columns of it
#define ITEM_ROWS 4     // rows that a work-item sums
#define ITEM_COLUMNS 4  // columns that it sums
#define STEPS 16        // values of k in local memory
#endif
#ifndef SHOAL_ITEMS_ALONG
#define SHOAL_ITEMS_ALONG (TILE_COLUMNS / ITEM_COLUMNS)            // work-items side by side along the columns
#define SHOAL_ITEMS_DOWN (TILE_ROWS / ITEM_ROWS)                   // and down the rows
#define SHOAL_GROUP (SHOAL_ITEMS_ALONG * SHOAL_ITEMS_DOWN)         // work-items of a group
#define SHOAL_X_LOADS (TILE_ROWS * STEPS / SHOAL_GROUP)            // elements of a panel that a work-item fetches
#define SHOAL_W_LOADS (TILE_COLUMNS * STEPS / SHOAL_GROUP)
#define SHOAL_X_LINE (TILE_ROWS + 1)                               // an element more: columns of a panel lie in different banks
#define SHOAL_W_LINE (TILE_COLUMNS + 1)
#endif

__kernel __attribute__((reqd_work_group_size(SHOAL_GROUP, 1, 1))) void KERNEL(
    __global const X* restrict x, __global const W* restrict w, __global OUT* restrict out, int rows, int columns, int depth, int x_row,
    int w_k, int w_column, int out_row,
#ifdef TAPS
    int inner, int in_z, int in_y, int in_x, int out_z, int out_y, int out_x, int kernel_z, int kernel_y, int kernel_x, int stride_z,
    int stride_y, int stride_x, int dilation_z, int dilation_y, int dilation_x, int pad_z, int pad_y, int pad_x
#else
    int batch_y, int batch_x, int x_z, int x_y, int x_x, int w_z, int w_y, int w_x
#endif
        EPILOGUE_PARAMETERS) {
    __local SUM x_panel[STEPS * SHOAL_X_LINE], w_panel[STEPS * SHOAL_W_LINE];
    const int item = get_local_id(0), batch = get_group_id(2);
    const int first_row = (int)get_group_id(1) * TILE_ROWS, first_column = (int)get_group_id(0) * TILE_COLUMNS;
    const int along = item % SHOAL_ITEMS_ALONG, down = item / SHOAL_ITEMS_ALONG;
    const int step = item % STEPS, lane = item / STEPS;  // which k a work-item fetches, and the first of its rows
#ifdef TAPS
    const int x_from = batch * inner, w_from = batch * columns * w_column;
    int image[SHOAL_X_LOADS], left[SHOAL_X_LOADS], top[SHOAL_X_LOADS];
#ifdef VOLUME
    int front[SHOAL_X_LOADS];
#endif
#else
    const int at_x = batch % batch_x, at_y = batch / batch_x % batch_y, at_z = batch / batch_x / batch_y;
    const int x_from = at_z * x_z + at_y * x_y + at_x * x_x, w_from = at_z * w_z + at_y * w_y + at_x * w_x;
    int x_place[SHOAL_X_LOADS];
#endif
    // Rows and columns beyond the last are read as the last, and not stored.
#pragma unroll
    for (int n = 0; n < SHOAL_X_LOADS; ++n) {
        const int row = min(first_row + lane + n * (SHOAL_GROUP / STEPS), rows - 1);
#ifdef TAPS
        left[n] = row % out_x * stride_x - pad_x;
        top[n] = row / out_x % out_y * stride_y - pad_y;
#ifdef VOLUME
        front[n] = row / out_x / out_y % out_z * stride_z - pad_z;
        image[n] = row / out_x / out_y / out_z * in_z;
#else
        image[n] = row / out_x / out_y;
#endif
#else
        x_place[n] = x_from + row * x_row;
#endif
    }
    SUM sum[ITEM_ROWS][ITEM_COLUMNS];
#pragma unroll
    for (int i = 0; i < ITEM_ROWS; ++i) {
#pragma unroll
        for (int j = 0; j < ITEM_COLUMNS; ++j) sum[i][j] = 0;
    }
    for (int first = 0; first < depth; first += STEPS) {
        const int k = first + step;
#ifdef TAPS
        const int tap = k / inner, channel = x_from + k % inner;
        const int tap_x = tap % kernel_x * dilation_x, tap_y = tap / kernel_x % kernel_y * dilation_y;
#ifdef VOLUME
        const int tap_z = tap / kernel_x / kernel_y * dilation_z;
#endif
#endif
#pragma unroll
        for (int n = 0; n < SHOAL_X_LOADS; ++n) {
            bool there = k < depth;
#ifdef TAPS
            const int at_x = left[n] + tap_x, at_y = top[n] + tap_y;
            there = there && at_x >= 0 && at_x < in_x && at_y >= 0 && at_y < in_y;
#ifdef VOLUME
            const int at_z = front[n] + tap_z;
            there = there && at_z >= 0 && at_z < in_z;
            const int place = (((image[n] + at_z) * in_y + at_y) * in_x + at_x) * x_row + channel;
#else
            const int place = ((image[n] * in_y + at_y) * in_x + at_x) * x_row + channel;
#endif
#else
            const int place = x_place[n] + k;
#endif
            SUM value = 0;
            if (there) value = LOAD_X(x, place);
            x_panel[step * SHOAL_X_LINE + lane + n * (SHOAL_GROUP / STEPS)] = value;
        }
#pragma unroll
        for (int n = 0; n < SHOAL_W_LOADS; ++n) {
#ifdef W_ALONG_K
            const int w_step = step, column = lane + n * (SHOAL_GROUP / STEPS);
#else
            const int w_step = (item + n * SHOAL_GROUP) / TILE_COLUMNS, column = (item + n * SHOAL_GROUP) % TILE_COLUMNS;
#endif
            SUM value = 0;
            if (first + w_step < depth)
                value = LOAD_W(w, w_from + (first + w_step) * w_k + min(first_column + column, columns - 1) * w_column);
            w_panel[w_step * SHOAL_W_LINE + column] = value;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int n = 0; n < STEPS; ++n) {  // a body of so many sums needs no unrolling
            SUM x_own[ITEM_ROWS], w_own[ITEM_COLUMNS];
#pragma unroll
            for (int i = 0; i < ITEM_ROWS; ++i) x_own[i] = x_panel[n * SHOAL_X_LINE + down + i * SHOAL_ITEMS_DOWN];
#pragma unroll
            for (int j = 0; j < ITEM_COLUMNS; ++j) w_own[j] = w_panel[n * SHOAL_W_LINE + along + j * SHOAL_ITEMS_ALONG];
#pragma unroll
            for (int i = 0; i < ITEM_ROWS; ++i) {
#pragma unroll
                for (int j = 0; j < ITEM_COLUMNS; ++j) sum[i][j] += x_own[i] * w_own[j];
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#pragma unroll
    for (int i = 0; i < ITEM_ROWS; ++i) {
#pragma unroll
        for (int j = 0; j < ITEM_COLUMNS; ++j) {
            const int row = first_row + down + i * SHOAL_ITEMS_DOWN, column = first_column + along + j * SHOAL_ITEMS_ALONG;
            if (row >= rows || column >= columns) continue;
#ifdef TAPS
            const int result_row = row, result_column = batch * columns + column;
#else
            const int result_row = batch * rows + row, result_column = column;  // batches follow each other
#endif
            STORE_ONE(out + result_row * out_row + result_column, EPILOGUE_ONE(sum[i][j], result_row, result_column));
        }
    }
}
