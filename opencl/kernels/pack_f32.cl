// pack_f32: brings the right-hand side of a contraction into the order in which contract_f32_simd reads it.
//   from float, element (k, n) of batch g at from + g * from_batch + k * k_step + n * n_step, k < inner, n < columns
//   to [batch, panels, inner, width]; panels are made of vectors of `lanes` columns, of which the last ones move back to end
//   with the last column; with fewer columns than lanes, zeros behind them
//   global (inner blocks of 64, panels, batches), local (1, 1, 1)
#ifndef KERNEL
#define KERNEL pack_f32
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void KERNEL(__global const float* restrict from, __global float* restrict to, int inner,
                                                                    int columns, int k_step, int n_step, int from_batch, int to_batch, int width,
                                                                    int lanes) {
    const int panel = get_global_id(1), batch = get_global_id(2);
    const int first = get_global_id(0) * 64, last = min(first + 64, inner);
    __global const float* source = from + (size_t)batch * from_batch;
    __global float* target = to + (size_t)batch * to_batch + (size_t)panel * inner * width;
    for (int vector = 0; vector < width; vector += lanes) {
        const int column = max(min(panel * width + vector, columns - lanes), 0), here = min(lanes, columns);
        for (int k = first; k < last; ++k) {
            __global const float* row = source + (size_t)k * k_step + (size_t)column * n_step;
            for (int n = 0; n < here; ++n) target[(size_t)k * width + vector + n] = row[(size_t)n * n_step];
            for (int n = here; n < lanes; ++n) target[(size_t)k * width + vector + n] = 0.0f;
        }
    }
}
