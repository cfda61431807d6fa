// scatter: for m in order: out[indices[m], q] = or op= updates[m, q]; out holds data already.
//   out [extent, inner], indices INDEX [count], updates [count, inner]; X: storage type, LOAD_X(p, i) reads it as VALUE
//   -DCOMBINE(old, new) is what is stored. An index below 0 counts from the end; one that is still outside is left out.
//   global (inner rounded up to the local size), local (-DLOCAL): a work-item owns a column, so updates keep their order
#ifndef KERNEL
#define KERNEL scatter
#define X float
#define VALUE float
#define INDEX long
#define LOAD_X(p, i) p[i]
#define STORE_ONE(at, value) *(at) = value
#define COMBINE(old, new) (new)
#define LOCAL 64
#endif

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void KERNEL(__global X* restrict out, __global const INDEX* restrict indices,
                                                                        __global const X* restrict updates, int count, int extent, int inner) {
    const int column = get_global_id(0);
    if (column >= inner) return;
    for (int m = 0; m < count; ++m) {
        const INDEX raw = indices[m], index = raw < 0 ? raw + extent : raw;
        if (index < 0 || index >= extent) continue;
        const size_t at = (size_t)index * inner + column;
        const VALUE old = LOAD_X(out, at), new_value = LOAD_X(updates, (size_t)m * inner + column);
        STORE_ONE(out + at, COMBINE(old, new_value));
    }
}
