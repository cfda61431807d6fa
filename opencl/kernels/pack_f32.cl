// pack_f32: brings the right-hand side of a contraction into the order in which contract_f32_simd reads it.
//   from float, element (k, n) of batch g at from + g * from_batch + k * k_step + n * n_step, k < inner, n < columns
//   to [batch, ceil(columns / width), inner, width], zeros beyond the last column
//   global (inner blocks of 64, panels, batches), local (1, 1, 1)
#ifndef KERNEL
#define KERNEL pack_f32
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void KERNEL(__global const float* restrict from, __global float* restrict to, int inner,
                                                                    int columns, int k_step, int n_step, int from_batch, int to_batch, int width) {
    const int panel = get_global_id(1), batch = get_global_id(2);
    const int first = get_global_id(0) * 64, last = min(first + 64, inner), here = min(width, columns - panel * width);
    __global const float* source = from + (size_t)batch * from_batch + (size_t)panel * width * n_step;
    __global float* target = to + (size_t)batch * to_batch + (size_t)panel * inner * width;
    for (int k = first; k < last; ++k) {
        for (int n = 0; n < here; ++n) target[(size_t)k * width + n] = source[(size_t)k * k_step + (size_t)n * n_step];
        for (int n = here; n < width; ++n) target[(size_t)k * width + n] = 0.0f;
    }
}
