#include "support/shares.hpp"

#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "graph/cards.hpp"
#include "graph/cards/support.hpp"
#include "support/compare.hpp"

namespace shoal::test {

using tensor::Tensor;

std::vector<std::int64_t> uneven_shares(std::mt19937& random, std::int64_t extent, std::int64_t granule) {
    const std::int64_t units = (extent + granule - 1) / granule;
    std::set<std::int64_t> at{0, units};
    const auto shares = std::min<std::int64_t>(2 + static_cast<std::int64_t>(random() % 4), units);
    while (static_cast<std::int64_t>(at.size()) < shares + 1)
        at.insert(static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(units)));
    std::vector<std::int64_t> out;
    for (const auto unit : at)
        out.push_back(std::min(unit * granule, extent));
    return out;
}

Tensor cut(const Tensor& whole, const graph::InputSlice& slice) {
    if (slice.axis < 0) return whole;
    if (slice.axis >= whole.shape().rank() || slice.begin < 0 || slice.begin > slice.end ||
        slice.end > whole.shape()[slice.axis]) {
        base::fail(base::Code::invalid_argument, "slice [", slice.begin, ", ", slice.end, ") of axis ", slice.axis,
                   " of ", whole.type());
    }
    const auto strides = tensor::strides(whole.shape());
    const auto size = static_cast<std::size_t>(tensor::bits(whole.element()) / 8);
    Tensor out(tensor::Type{whole.element(), whole.shape().with(slice.axis, slice.end - slice.begin)});
    if (out.count() == 0) return out;
    const auto first = static_cast<std::size_t>(slice.begin * strides[static_cast<std::size_t>(slice.axis)]);
    graph::copy_strided(out.edit().data(), tensor::strides(out.shape()), whole.bytes().data() + first * size, strides,
                        out.shape(), size);
    return out;
}

Tensor concatenated(const std::vector<Tensor>& parts, int axis) {
    const graph::Attrs attrs{{"axis", std::int64_t{axis}}};
    graph::Signature signature{attrs, {}, {}};
    std::vector<const Tensor*> inputs;
    for (const Tensor& part : parts) {
        inputs.push_back(&part);
        signature.inputs.push_back(&part.type());
    }
    const auto types = graph::cards::concat.infer(signature);
    std::vector<Tensor> out(types.begin(), types.end());
    signature.outputs.push_back(&types[0]);
    graph::cards::concat.evaluate(signature, inputs, out);
    return out[0];
}

std::string byte_difference(const Tensor& got, const Tensor& want) {
    const auto a = got.bytes(), b = want.bytes();
    if (got.type() == want.type() && std::equal(a.begin(), a.end(), b.begin(), b.end())) return "";
    const auto difference = test::difference(got, want);
    return difference.empty() ? "equal numbers, other bytes" : difference;
}

}  // namespace shoal::test
