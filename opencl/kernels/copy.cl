// copy: out[i] = x[i] for i < count, blocks of 4096 elements a work-item.
//   X: storage type; global (blocks rounded up to the local size), local (-DLOCAL)
#ifndef KERNEL
#define KERNEL copy
#define X float
#define LOCAL 64
#endif

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void KERNEL(__global const X* restrict x, __global X* restrict out, int count) {
    const int first = get_global_id(0) * 4096, last = min(first + 4096, count);
    for (int i = first; i < last; ++i) out[i] = x[i];
}
