// Matrix products.
#include "importer/lower/contraction.hpp"
#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {

// A vector on the left is a row, on the right a column; the axis it got is taken away again.
ValueId matrix_product(Builder& b, ValueId x, ValueId y) {
    const bool row = b.shape(x).rank() == 1, column = b.shape(y).rank() == 1;
    if (row) x = unsqueeze(b, x, {0});
    if (column) y = unsqueeze(b, y, {1});
    const ValueId out = b.matmul(x, y);
    const int rank = b.shape(out).rank();
    std::vector<int> added;
    if (row) added.push_back(rank - 2);
    if (column) added.push_back(rank - 1);
    return squeeze(b, out, added);
}

namespace {

Values matmul(Context& c) {
    return {matrix_product(c.builder(), c.in(0), c.in(1))};
}

// alpha * A' B' + beta * C
Values gemm(Context& c) {
    Builder& b = c.builder();
    c.expect(c.rank(0) == 2 && c.rank(1) == 2, c.type(0), " by ", c.type(1), ": both must be matrices");
    const ValueId x = c.flag("transA", false) ? swap_last_two(b, c.in(0)) : c.in(0);
    ValueId out = scaled(b, b.matmul(x, c.in(1), c.flag("transB", false)), c.real("alpha", 1));
    const Shape product = b.shape(out);
    if (c.has(2) && c.real("beta", 1) != 0) {
        out = add(b, out, scaled(b, c.in(2), c.real("beta", 1)));
        c.expect(b.shape(out) == product, "C is ", c.type(2), ", which does not broadcast to ", product);
    }
    return {out};
}

const Row kRows[] = {
    {"", "Gemm", 1, 0, gemm},
    {"", "MatMul", 1, 0, matmul},
};

}  // namespace

namespace families {
const Family contraction{kRows};
}

}  // namespace shoal::importer
