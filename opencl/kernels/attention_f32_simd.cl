// attention_f32_simd: out[b, m] = softmax(f(q[b, m] k[b])) v[b] on wide-SIMD CPUs: a tile of rows goes over the keys block by
// block, with the running maximum and sum of each row, so that neither scores nor weights reach memory. f is the epilogue.
//   q float [.., rows, inner] contiguous, k float packed in panels of KEY_VECTORS vectors of keys (pack_f32), v float
//   [.., keys, columns] contiguous, keys >= LANES; out float [batches, rows, columns]; a batch lies q_batch, k_batch, v_batch further, or 0
//   global (ceil(rows / TILE_ROWS), batches), local (1, 1, 1); rows >= TILE_ROWS: the last tile moves back to end with the last
//   row (what it shares is computed twice, alike); columns >= PIECE_VECTORS * LANES: so does the last piece
//   LEAST_TOP, LEAST_TOTAL: lower bounds of a row's maximum and sum; without the latter a row masked whole gives NaN
//   error <= (inner + keys) * 2^-24 relative to sums of magnitudes, beside exp's; needs OpenCL 1.2, no extensions
//   source: Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et al., "FlashAttention", 2022, 3.1
#ifndef KERNEL
#define KERNEL attention_f32_simd
#define LANES 16         // floats of a vector
#define TILE_ROWS 8      // queries that a work-item computes
#define KEY_VECTORS 2    // vectors of a panel of keys
#define BLOCK 128        // keys between two looks at the maximum, whole panels
#define PIECE_VECTORS 2  // vectors of values that are summed at a time
#define PIECES 2         // of a row of values
#define EPILOGUE_PARAMETERS
#define EPILOGUE_ONE(given, row, column) (given)
#define EPILOGUE_LANES(given, row, column) (given)
#endif
#ifndef VECTOR
#define SHOAL_JOIN_(a, b) a##b
#define SHOAL_JOIN(a, b) SHOAL_JOIN_(a, b)
#define VECTOR SHOAL_JOIN(float, LANES)
#endif
#define KEY_PANEL (KEY_VECTORS * LANES)
#define VALUE_PIECE (PIECE_VECTORS * LANES)
#ifndef SHOAL_ACROSS
#define SHOAL_ACROSS 1
inline float across_max(VECTOR v) {
    float lane[LANES], out = -INFINITY;
    SHOAL_JOIN(vstore, LANES)(v, 0, lane);
#pragma unroll
    for (int i = 0; i < LANES; ++i) out = fmax(out, lane[i]);
    return out;
}
inline float across_sum(VECTOR v) {
    float lane[LANES], out = 0.0f;
    SHOAL_JOIN(vstore, LANES)(v, 0, lane);
#pragma unroll
    for (int i = 0; i < LANES; ++i) out += lane[i];
    return out;
}
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void KERNEL(
    __global const float* restrict q, __global const float* restrict k, __global const float* restrict v,
    __global float* restrict out, int rows, int keys, int inner, int columns, int q_batch, int k_batch, int v_batch
#ifdef LEAST_TOP
    , float least_top
#endif
#ifdef LEAST_TOTAL
    , float least_total
#endif
    EPILOGUE_PARAMETERS) {
    const int first = min((int)get_global_id(0) * TILE_ROWS, rows - TILE_ROWS), batch = get_global_id(1);
    __global const float* query = q + (size_t)batch * q_batch + (size_t)first * inner;
    __global const float* panel = k + (size_t)batch * k_batch;
    __global const float* value = v + (size_t)batch * v_batch;
    float weight[TILE_ROWS][BLOCK], top[TILE_ROWS], fade[TILE_ROWS];
    VECTOR total[TILE_ROWS], part[PIECES][TILE_ROWS][PIECE_VECTORS];
    for (int i = 0; i < TILE_ROWS; ++i) {
#ifdef LEAST_TOP
        top[i] = fmax(-MAXFLOAT, least_top);
#else
        top[i] = -MAXFLOAT;
#endif
        total[i] = (VECTOR)(0.0f);
        for (int p = 0; p < PIECES; ++p) {
#pragma unroll
            for (int j = 0; j < PIECE_VECTORS; ++j) part[p][i][j] = (VECTOR)(0.0f);
        }
    }
    for (int block = 0; block < keys; block += BLOCK) {
        const int here = min(keys - block, BLOCK);
        for (int at = 0; at < here; at += KEY_PANEL) {
            VECTOR score[TILE_ROWS][KEY_VECTORS];
#pragma unroll
            for (int i = 0; i < TILE_ROWS; ++i) {
#pragma unroll
                for (int j = 0; j < KEY_VECTORS; ++j) score[i][j] = (VECTOR)(0.0f);
            }
            for (int d = 0; d < inner; ++d) {
                VECTOR key[KEY_VECTORS];
#pragma unroll
                for (int j = 0; j < KEY_VECTORS; ++j) key[j] = SHOAL_JOIN(vload, LANES)(j, panel);
                panel += KEY_PANEL;
#pragma unroll
                for (int i = 0; i < TILE_ROWS; ++i) {
#pragma unroll
                    for (int j = 0; j < KEY_VECTORS; ++j) score[i][j] += (VECTOR)(query[(size_t)i * inner + d]) * key[j];
                }
            }
#pragma unroll
            for (int i = 0; i < TILE_ROWS; ++i) {
                const int row = batch * rows + first + i;
#pragma unroll
                for (int j = 0; j < KEY_VECTORS; ++j) {
                    const int column = block + at + j * LANES;
                    float* to = weight[i] + at + j * LANES;
                    if (column + LANES <= keys) {
                        SHOAL_JOIN(vstore, LANES)(EPILOGUE_LANES(score[i][j], row, column), 0, to);
                    } else {  // the vector that was moved back, and what is behind it
                        const int shift = column + LANES - keys;
                        float lane[LANES];
                        SHOAL_JOIN(vstore, LANES)(EPILOGUE_LANES(score[i][j], row, keys - LANES), 0, lane);
                        for (int n = 0; n < LANES; ++n) to[n] = n + shift < LANES ? lane[n + shift] : -INFINITY;
                    }
                }
            }
        }
        const int vectors = (here + LANES - 1) / LANES;
        for (int i = 0; i < TILE_ROWS; ++i) {
            VECTOR most = (VECTOR)(top[i]);
            for (int n = 0; n < vectors; ++n) most = fmax(most, SHOAL_JOIN(vload, LANES)(n, weight[i]));
            const float now = across_max(most);
            fade[i] = exp(top[i] - now);
            top[i] = now;
            VECTOR sum = total[i] * (VECTOR)(fade[i]);
            for (int n = 0; n < vectors; ++n) {
                const VECTOR power = exp(SHOAL_JOIN(vload, LANES)(n, weight[i]) - (VECTOR)(now));
                sum += power;
                SHOAL_JOIN(vstore, LANES)(power, n, weight[i]);
            }
            total[i] = sum;
        }
        for (int p = 0; p < PIECES; ++p) {
            __global const float* from = value + (size_t)block * columns + min(p * VALUE_PIECE, columns - VALUE_PIECE);
            VECTOR sum[TILE_ROWS][PIECE_VECTORS];
#pragma unroll
            for (int i = 0; i < TILE_ROWS; ++i) {
#pragma unroll
                for (int j = 0; j < PIECE_VECTORS; ++j) sum[i][j] = part[p][i][j] * (VECTOR)(fade[i]);
            }
            for (int n = 0; n < here; ++n) {
                VECTOR right[PIECE_VECTORS];
#pragma unroll
                for (int j = 0; j < PIECE_VECTORS; ++j) right[j] = SHOAL_JOIN(vload, LANES)(j, from);
                from += columns;
#pragma unroll
                for (int i = 0; i < TILE_ROWS; ++i) {
#pragma unroll
                    for (int j = 0; j < PIECE_VECTORS; ++j) sum[i][j] += (VECTOR)(weight[i][n]) * right[j];
                }
            }
#pragma unroll
            for (int i = 0; i < TILE_ROWS; ++i) {
#pragma unroll
                for (int j = 0; j < PIECE_VECTORS; ++j) part[p][i][j] = sum[i][j];
            }
        }
    }
    for (int i = 0; i < TILE_ROWS; ++i) {
        float whole = across_sum(total[i]);
#ifdef LEAST_TOTAL
        whole = fmax(whole, least_total);
#endif
        __global float* to = out + ((size_t)batch * rows + first + i) * columns;
        for (int p = 0; p < PIECES; ++p) {
#pragma unroll
            for (int j = 0; j < PIECE_VECTORS; ++j)
                SHOAL_JOIN(vstore, LANES)(part[p][i][j] / (VECTOR)(whole), j, to + min(p * VALUE_PIECE, columns - VALUE_PIECE));
        }
    }
}
