// topk_heap: the k best elements of x[o, :, i] in order, and where they stood, as topk.cl, for long rows.
//   x [outer, extent, inner], values [outer, k, inner], indices long [outer, k, inner], 1 <= k <= extent; macros as there
//   global (rows = outer * inner rounded up to the local size), local (-DLOCAL)
// One work item a row keeps the best so far as a heap in the row's results, the last of them at its root, and sorts it in
// the end: extent * log2(k) comparisons, most rows far fewer (Knuth, The Art of Computer Programming 3, 5.2.3).
#ifndef KERNEL
#define KERNEL topk_heap
#define X float
#define VALUE float
#define LOAD_X(p, i) p[i]
#define STORE_ONE(at, value) *(at) = value
#define BETTER(a, b) ((a) > (b))
#define LOCAL 1
#endif

#define BEFORE(a, place_a, b, place_b) (BETTER(a, b) || (!BETTER(b, a) && (place_a) < (place_b)))
#define AT(n) (target + (size_t)(n)*inner)

__kernel __attribute__((reqd_work_group_size(LOCAL, 1, 1))) void KERNEL(__global const X* restrict x, __global X* restrict values,
                                                                        __global long* restrict indices, int rows, int extent, int k, int inner) {
    const int row = get_global_id(0);
    if (row >= rows) return;
    const size_t base = (size_t)(row / inner) * extent * inner + row % inner;
    const size_t target = (size_t)(row / inner) * k * inner + row % inner;
    for (int n = 0; n < k; ++n) {
        STORE_ONE(values + AT(n), LOAD_X(x, base + (size_t)n * inner));
        indices[AT(n)] = n;
    }
    // The steps of building the heap (from its middle down to the root), of feeding it the other elements, and of
    // taking its root out are one: an element sinks from `hole` in the first `size` places.
    const int feeding = k / 2, taking = feeding + extent - k;
    for (int step = 0; step < taking + k - 1; ++step) {
        int hole = 0, size = k;
        VALUE own;
        long place;
        if (step < feeding) {
            hole = feeding - 1 - step;
            own = LOAD_X(values, AT(hole));
            place = indices[AT(hole)];
        } else if (step < taking) {
            place = k + step - feeding;
            own = LOAD_X(x, base + (size_t)place * inner);
            const VALUE worst = LOAD_X(values, target);
            if (!BETTER(own, worst)) continue; // equal ones that come later are behind
        } else {
            size = k - 1 - (step - taking);
            own = LOAD_X(values, AT(size));
            place = indices[AT(size)];
            const VALUE root = LOAD_X(values, target);
            STORE_ONE(values + AT(size), root);
            indices[AT(size)] = indices[target];
        }
        for (;;) {
            int child = 2 * hole + 1;
            if (child >= size) break;
            VALUE below = LOAD_X(values, AT(child));
            long below_place = indices[AT(child)];
            if (child + 1 < size) {
                const VALUE other = LOAD_X(values, AT(child + 1));
                const long other_place = indices[AT(child + 1)];
                if (BEFORE(below, below_place, other, other_place)) {
                    ++child;
                    below = other;
                    below_place = other_place;
                }
            }
            if (BEFORE(below, below_place, own, place)) break;
            STORE_ONE(values + AT(hole), below);
            indices[AT(hole)] = below_place;
            hole = child;
        }
        STORE_ONE(values + AT(hole), own);
        indices[AT(hole)] = place;
    }
}

#undef BEFORE
#undef AT
