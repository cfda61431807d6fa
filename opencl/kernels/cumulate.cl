// cumulate: out[o, k, i] = sum of x[o, 0..k, i]; -DEXCLUSIVE leaves x[o, k, i] out, -DREVERSE sums from the end.
//   x, out [outer, extent, inner]; X: storage type, LOAD_X(p, i) reads it as VALUE, STORE_ONE writes it
//   global (items = outer * inner rounded up to the local size), local (-DLOCAL)
//   error of floats <= extent * 2^-24 * sum |x|
#ifndef KERNEL
#define KERNEL cumulate
#define X float
#define VALUE float
#define LOAD_X(p, i) p[i]
#define STORE_ONE(at, value) *(at) = value
#define LOCAL 64
#endif

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void KERNEL(__global const X* restrict x, __global X* restrict out, int items, int extent,
                                                                        int inner) {
    const int item = get_global_id(0);
    if (item >= items) return;
    const size_t base = (size_t)(item / inner) * extent * inner + item % inner;
    VALUE sum = 0;
    for (int n = 0; n < extent; ++n) {
#ifdef REVERSE
        const size_t at = base + (size_t)(extent - 1 - n) * inner;
#else
        const size_t at = base + (size_t)n * inner;
#endif
        const VALUE value = LOAD_X(x, at);
#ifdef EXCLUSIVE
        STORE_ONE(out + at, sum);
        sum += value;
#else
        sum += value;
        STORE_ONE(out + at, sum);
#endif
    }
}
