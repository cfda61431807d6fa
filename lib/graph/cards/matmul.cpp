// matmul: out[.., i, j] = sum over k of a[.., i, k] * b[.., k, j]; leading axes broadcast as NumPy's matmul does.
//   a [.., M, K], b [.., K, N] (or [.., N, K] with transpose_b = 1) -> out [.., M, N]; both of rank 2 or more
//   attributes: transpose_b
//   Integers: 8-bit inputs give i32, wider ones their own type.
#include "graph/cards.hpp"
#include "graph/cards/support.hpp"

namespace shoal::graph {
namespace {

struct Sizes {
    Shape batch;  // broadcast leading axes of the output
    std::int64_t m, n, k;
};

Shape leading(const Shape& shape) {
    return Shape(Ints(shape.begin(), shape.end() - 2));
}

Sizes sizes(const Signature& s) {
    const Shape &a = s.in(0).shape, &b = s.in(1).shape;
    if (a.rank() < 2 || b.rank() < 2) refuse("matmul: ", s.in(0), " by ", s.in(1), ": both need rank 2 or more");
    const bool transposed = s.attrs.integer("transpose_b") != 0;
    const std::int64_t k = b[b.rank() - (transposed ? 1 : 2)], n = b[b.rank() - (transposed ? 2 : 1)];
    if (a.back() != k)
        refuse("matmul: ", s.in(0), " by ", s.in(1), ": inner extents ", a.back(), " and ", k, " differ");
    return {tensor::broadcast(leading(a), leading(b)), a[a.rank() - 2], n, k};
}

std::vector<Type> infer(const Signature& s) {
    const Sizes z = sizes(s);
    Ints extents = z.batch.extents();
    extents.push_back(z.m);
    extents.push_back(z.n);
    return {{contraction_element(s, "matmul"), Shape(std::move(extents))}};
}

double flops(const Signature& s) {
    return 2.0 * static_cast<double>(s.out().shape.count()) * static_cast<double>(sizes(s).k);
}

std::vector<SplitAxis> splits(const Signature& s) {
    auto found = axis_splits(s.out().shape);
    const std::int64_t inner = sizes(s).k;
    if (inner > 1) found.push_back({"inner", inner, 1, Merge::sum, {}});
    return found;
}

Shard shard(const Signature& s, const SplitAxis& split, std::int64_t begin, std::int64_t end) {
    const Shape &a = s.in(0).shape, &b = s.in(1).shape, &out = s.out().shape;
    const bool transposed = s.attrs.integer("transpose_b") != 0;
    const int b_inner = b.rank() - (transposed ? 1 : 2), b_outer = b.rank() - (transposed ? 2 : 1);
    if (split.merge == Merge::sum) return {s.attrs, {{a.rank() - 1, begin, end}, {b_inner, begin, end}}};
    const int axis = split.output_axes[0];
    if (axis == out.rank() - 1) return {s.attrs, {InputSlice::whole(), {b_outer, begin, end}}};
    if (axis == out.rank() - 2) return {s.attrs, {{a.rank() - 2, begin, end}, InputSlice::whole()}};
    return {s.attrs, {broadcast_slice(a, out, axis, begin, end), broadcast_slice(b, out, axis, begin, end)}};
}

template <class Sum>
void multiply(const Signature& s, const Tensor& a, const Tensor& b, Tensor& out) {
    const Sizes z = sizes(s);
    const bool transposed = s.attrs.integer("transpose_b") != 0;
    const auto av = elements_as<Sum>(a), bv = elements_as<Sum>(b);
    const auto a_steps = tensor::broadcast_strides(leading(a.shape()), z.batch),
               b_steps = tensor::broadcast_strides(leading(b.shape()), z.batch);
    const std::int64_t k_step = transposed ? 1 : z.n, j_step = transposed ? z.k : 1;
    std::vector<Sum> row(static_cast<std::size_t>(z.n));
    std::int64_t written = 0;
    for_each_index(z.batch, [&](const Ints& at) {
        const Sum* left = av.data() + dot(at, a_steps) * z.m * z.k;
        const Sum* right = bv.data() + dot(at, b_steps) * z.k * z.n;
        for (std::int64_t i = 0; i < z.m; ++i) {
            std::fill(row.begin(), row.end(), Sum{});
            for (std::int64_t k = 0; k < z.k; ++k) {
                for (std::int64_t j = 0; j < z.n; ++j) {
                    Sum& sum = row[static_cast<std::size_t>(j)];
                    sum = wrapping_add(sum, wrapping_mul(left[i * z.k + k], right[k * k_step + j * j_step]));
                }
            }
            store_sums(out, written, std::span<const Sum>(row));
            written += z.n;
        }
    });
}

void evaluate(const Signature& s, std::span<const Tensor* const> inputs, std::span<Tensor> outputs) {
    if (tensor::is_floating(s.out().element))
        multiply<double>(s, *inputs[0], *inputs[1], outputs[0]);
    else
        multiply<std::int64_t>(s, *inputs[0], *inputs[1], outputs[0]);
}

}  // namespace

namespace cards {
const Card matmul{
    .name = "matmul",
    .min_inputs = 2,
    .max_inputs = 2,
    .attributes = {{"transpose_b", "i"}},
    .infer = infer,
    .flops = flops,
    .bytes = nullptr,
    .splits = splits,
    .shard = shard,
    .evaluate = evaluate,
};
}  // namespace cards

}  // namespace shoal::graph
