// arg_reduce: out[o, i] = position along the middle axis of the largest (or smallest) element of x[o, :, i].
//   x [outer, extent, inner], out long [outer, inner]; X: storage type, LOAD_X(p, i) reads it as VALUE
//   -DBETTER(a, b) says whether a beats b; -DLAST takes the last of equals. NaN wins over numbers.
//   global (items = outer * inner rounded up to the local size), local (-DLOCAL)
#ifndef KERNEL
#define KERNEL arg_reduce
#define X float
#define VALUE float
#define LOAD_X(p, i) p[i]
#define BETTER(a, b) ((a) > (b))
#define LOCAL 64
#endif

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void KERNEL(__global const X* restrict x, __global long* restrict out, int items, int extent,
                                                                        int inner) {
    const int item = get_global_id(0);
    if (item >= items) return;
    const size_t base = (size_t)(item / inner) * extent * inner + item % inner;
    VALUE best = LOAD_X(x, base);
    int where = 0;
    for (int k = 1; k < extent; ++k) {
        const VALUE value = LOAD_X(x, base + (size_t)k * inner);
        bool better = (BETTER(value, best) && best == best) || (value != value && best == best);
#ifdef LAST
        better = better || value == best || (value != value && best != best);
#endif
        where = better ? k : where;
        best = better ? value : best;
    }
    out[item] = where;
}
