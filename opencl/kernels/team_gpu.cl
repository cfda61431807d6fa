// team_gpu: few rows by a matrix on GPUs: a work-group makes COLUMNS columns, the sum of each shared out among SLICES work-items.
//   out[r, o] = epilogue(sum over k of x[r, k] * w[k, o]), r < ROWS
//   x[r, k] at x + r * depth + k; w[k, o] at w + k * w_k + o * w_column; -DW_ALONG_K: w_k is 1, and neighbouring work-items read
//   along k, else along the columns; the batch as contract_gpu has it
//   X, W: storage types, LOAD_X(p, i), LOAD_W(p, i) read them as SUM; OUT, STORE_ONE write what the epilogue returns
//   global (ceil(columns / COLUMNS) * COLUMNS * SLICES, 1, batches), local (COLUMNS * SLICES, 1, 1); SLICES is a power of two
//   local memory ROWS * COLUMNS * SLICES values of SUM; tensors of fewer than 2^31 elements
//   error of floats <= depth * 2^-24 * sum |x||w|; integers exact modulo SUM's range; needs OpenCL 1.2, no extensions
#ifndef KERNEL
#define KERNEL team_gpu
#define X float
#define W float
#define SUM float
#define OUT float
#define LOAD_X(p, i) p[i]
#define LOAD_W(p, i) p[i]
#define STORE_ONE(at, value) *(at) = value
#define EPILOGUE_PARAMETERS
#define EPILOGUE_ONE(given, row, column) (given)
#define ROWS 1     // of x
#define COLUMNS 4  // of a work-group
#define SLICES 16  // work-items that share a column
#endif

__kernel __attribute__((reqd_work_group_size(COLUMNS * SLICES, 1, 1))) void KERNEL(
    __global const X* restrict x, __global const W* restrict w, __global OUT* restrict out, int columns, int depth, int w_k, int w_column,
    int batch_y, int batch_x, int x_z, int x_y, int x_x, int w_z, int w_y, int w_x EPILOGUE_PARAMETERS) {
    __local SUM parts[ROWS * COLUMNS * SLICES];
    const int item = get_local_id(0), batch = get_group_id(2);
#ifdef W_ALONG_K
    const int own = item / SLICES, slice = item % SLICES;
#else
    const int own = item % COLUMNS, slice = item / COLUMNS;
#endif
    const int at_x = batch % batch_x, at_y = batch / batch_x % batch_y, at_z = batch / batch_x / batch_y;
    const int x_from = at_z * x_z + at_y * x_y + at_x * x_x, w_from = at_z * w_z + at_y * w_y + at_x * w_x;
    const int column = (int)get_group_id(0) * COLUMNS + own;
    const int from = w_from + min(column, columns - 1) * w_column;  // a column beyond the last is read as the last
    SUM sum[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; ++r) sum[r] = 0;
    for (int k = slice; k < depth; k += SLICES) {
        const SUM weight = LOAD_W(w, from + k * w_k);
#pragma unroll
        for (int r = 0; r < ROWS; ++r) sum[r] += LOAD_X(x, x_from + r * depth + k) * weight;
    }
#pragma unroll
    for (int r = 0; r < ROWS; ++r) parts[(r * SLICES + slice) * COLUMNS + own] = sum[r];
    for (int half_way = SLICES / 2; half_way > 0; half_way /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (slice < half_way) {
#pragma unroll
            for (int r = 0; r < ROWS; ++r)
                parts[(r * SLICES + slice) * COLUMNS + own] += parts[(r * SLICES + slice + half_way) * COLUMNS + own];
        }
    }
    if (slice != 0 || column >= columns) return;  // what it stores it has added up itself
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
        const int row = batch * ROWS + r;
        STORE_ONE(out + row * columns + column, EPILOGUE_ONE(parts[r * SLICES * COLUMNS + own], row, column));
    }
}
