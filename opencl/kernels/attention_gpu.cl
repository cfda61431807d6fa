// attention_gpu: out[b, m] = softmax(f(q[b, m] k[b])) v[b] on GPUs: a work-group takes TILE_ROWS rows over the keys, BLOCK of them
// at a time, with the running maximum and sum of each row, so that neither scores nor weights reach memory. f is the epilogue.
//   q float [.., rows, INNER] contiguous, v float [.., keys, columns] contiguous, k float: element d of a key at
//   key * k_key + d * k_inner; out float [batches, rows, columns]; a batch lies q_batch, k_batch, v_batch further, or 0
//   global (ceil(rows / TILE_ROWS) * BLOCK, batches), local (BLOCK, 1, 1): a work-item a key of a block, and every BLOCKth column
//   of out, of which there are up to EACH * BLOCK; TILE_ROWS divides BLOCK
//   local memory TILE_ROWS * (INNER + BLOCK + 1 + 2 * BLOCK / TILE_ROWS + 2) floats; tensors of fewer than 2^31 elements
//   LEAST_TOP, LEAST_TOTAL: lower bounds of a row's maximum and sum; without the latter a row masked whole gives NaN
//   error <= (INNER + keys) * 2^-24 relative to sums of magnitudes, beside exp's; needs OpenCL 1.2, no extensions
//   source: Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et al., "FlashAttention", 2022, 3.1
#ifndef KERNEL
#define KERNEL attention_gpu
#define INNER 64     // elements of a query and a key
#define TILE_ROWS 8  // queries of a work-group
#define BLOCK 64     // work-items, and keys between two looks at the maximum
#define EACH 1       // columns of a work-item
#define EPILOGUE_PARAMETERS
#define EPILOGUE_ONE(given, row, column) (given)
#endif
#undef SHOAL_SLICES
#define SHOAL_SLICES (BLOCK / TILE_ROWS)  // work-items that share the look at a row
#undef SHOAL_LINE
#define SHOAL_LINE (BLOCK + 1)  // an element more: rows lie in different banks

__kernel __attribute__((reqd_work_group_size(BLOCK, 1, 1))) void KERNEL(
    __global const float* restrict q, __global const float* restrict k, __global const float* restrict v,
    __global float* restrict out, int rows, int keys, int columns, int k_key, int k_inner, int q_batch, int k_batch, int v_batch
#ifdef LEAST_TOP
    , float least_top
#endif
#ifdef LEAST_TOTAL
    , float least_total
#endif
    EPILOGUE_PARAMETERS) {
    __local float query[TILE_ROWS * INNER], weight[TILE_ROWS * SHOAL_LINE];
    __local float most[BLOCK], sums[BLOCK], fade[TILE_ROWS], whole[TILE_ROWS];
    const int item = get_local_id(0), batch = get_group_id(1), first = (int)get_group_id(0) * TILE_ROWS;
    const int own_row = item / SHOAL_SLICES, slice = item % SHOAL_SLICES;
    for (int n = item; n < TILE_ROWS * INNER; n += BLOCK)  // rows beyond the last are read as the last, and not stored
        query[n] = q[batch * q_batch + min(first + n / INNER, rows - 1) * INNER + n % INNER];
    float part[TILE_ROWS][EACH];
#pragma unroll
    for (int i = 0; i < TILE_ROWS; ++i) {
#pragma unroll
        for (int j = 0; j < EACH; ++j) part[i][j] = 0.0f;
    }
    float top = -MAXFLOAT, total = 0.0f;  // of own_row, the same in all its work-items
#ifdef LEAST_TOP
    top = fmax(top, least_top);
#endif
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int block = 0; block < keys; block += BLOCK) {
        const int key = block + item, here = min(keys - block, BLOCK);
        float score[TILE_ROWS];
#pragma unroll
        for (int i = 0; i < TILE_ROWS; ++i) score[i] = 0.0f;
        const int from = batch * k_batch + min(key, keys - 1) * k_key;
        for (int d = 0; d < INNER; ++d) {
            const float own = k[from + d * k_inner];
#pragma unroll
            for (int i = 0; i < TILE_ROWS; ++i) score[i] += query[i * INNER + d] * own;
        }
#pragma unroll
        for (int i = 0; i < TILE_ROWS; ++i) {
            float value = -INFINITY;
            if (key < keys) value = EPILOGUE_ONE(score[i], batch * rows + min(first + i, rows - 1), key);
            weight[i * SHOAL_LINE + item] = value;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        float greatest = -INFINITY;
        for (int n = slice; n < BLOCK; n += SHOAL_SLICES) greatest = fmax(greatest, weight[own_row * SHOAL_LINE + n]);
        most[item] = greatest;
        barrier(CLK_LOCAL_MEM_FENCE);
        float now = top;
        for (int n = 0; n < SHOAL_SLICES; ++n) now = fmax(now, most[own_row * SHOAL_SLICES + n]);
        const float faded = exp(top - now);
        top = now;
        float sum = 0.0f;
        for (int n = slice; n < BLOCK; n += SHOAL_SLICES) {
            const float power = exp(weight[own_row * SHOAL_LINE + n] - now);
            sum += power;
            weight[own_row * SHOAL_LINE + n] = power;
        }
        sums[item] = sum;
        if (slice == 0) fade[own_row] = faded;
        barrier(CLK_LOCAL_MEM_FENCE);
        total *= faded;
        for (int n = 0; n < SHOAL_SLICES; ++n) total += sums[own_row * SHOAL_SLICES + n];
#pragma unroll
        for (int i = 0; i < TILE_ROWS; ++i) {
#pragma unroll
            for (int j = 0; j < EACH; ++j) part[i][j] *= fade[i];
        }
        for (int n = 0; n < here; ++n) {
            float own[EACH];
            const int line = batch * v_batch + (block + n) * columns;
#pragma unroll
            for (int j = 0; j < EACH; ++j) own[j] = v[line + min(item + j * BLOCK, columns - 1)];
#pragma unroll
            for (int i = 0; i < TILE_ROWS; ++i) {
                const float factor = weight[i * SHOAL_LINE + n];
#pragma unroll
                for (int j = 0; j < EACH; ++j) part[i][j] += factor * own[j];
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);  // before the next block's scores take the place of these weights
    }
#ifdef LEAST_TOTAL
    total = fmax(total, least_total);
#endif
    if (slice == 0) whole[own_row] = total;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < TILE_ROWS && first + i < rows; ++i) {
#pragma unroll
        for (int j = 0; j < EACH; ++j) {
            const int column = item + j * BLOCK;
            if (column < columns) out[(batch * rows + first + i) * columns + column] = part[i][j] / whole[i];
        }
    }
}
