// topk: the k best elements of x[o, :, i] in order, and where they stood; of equals the earlier one comes first.
//   x [outer, extent, inner], values [outer, k, inner], indices long [outer, k, inner]; X: storage type, LOAD_X reads it
//   as VALUE; -DBETTER(a, b) says whether a comes before b, NaN counted as larger than any number by the caller's macro
//   global (items = outer * extent * inner rounded up to the local size), local (-DLOCAL)
// Each element's rank is counted, extent^2 comparisons a row without scratch memory: meant for short rows, topk_heap.cl
// for long ones.
#ifndef KERNEL
#define KERNEL topk
#define X float
#define VALUE float
#define LOAD_X(p, i) p[i]
#define STORE_ONE(at, value) *(at) = value
#define BETTER(a, b) ((a) > (b))
#define LOCAL 64
#endif

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void KERNEL(__global const X* restrict x, __global X* restrict values,
                                                                        __global long* restrict indices, int items, int extent, int k, int inner) {
    const int item = get_global_id(0);
    if (item >= items) return;
    const size_t base = (size_t)(item / extent / inner) * extent * inner + item % inner;
    const size_t target = (size_t)(item / extent / inner) * k * inner + item % inner;
    const int own_place = item / inner % extent;
    const VALUE own = LOAD_X(x, base + (size_t)own_place * inner);
    int rank = 0;
    for (int n = 0; n < extent; ++n) {
        const VALUE other = LOAD_X(x, base + (size_t)n * inner);
        const bool before = BETTER(other, own), behind = BETTER(own, other);
        rank += before || (!behind && n < own_place);
    }
    if (rank >= k) return;
    STORE_ONE(values + target + (size_t)rank * inner, own);
    indices[target + (size_t)rank * inner] = own_place;
}
