#include "node/parts.hpp"

#include <algorithm>
#include <cstring>

namespace shoal::node {

using base::Code;
using base::fail;
using tensor::Tensor;
using tensor::Type;

namespace {

// A tensor seen along one axis: `rows` runs of bytes, `outer` times.
struct Runs {
    std::size_t outer = 0;
    std::size_t begin = 0, length = 0, stride = 0;  // bytes
};

Runs runs_of(const Type& whole, const graph::InputSlice& part) {
    const auto& shape = whole.shape;
    // In bits, and those of half a gigabyte do not fit the size_t of a 32-bit board.
    const auto bits = static_cast<std::uint64_t>(tensor::bits(whole.element));
    const auto inner = static_cast<std::uint64_t>(shape.count(part.axis + 1, shape.rank())) * bits;
    Runs out;
    out.outer = static_cast<std::size_t>(shape.count(0, part.axis));
    const std::uint64_t begin = static_cast<std::uint64_t>(part.begin) * inner;
    const std::uint64_t length = static_cast<std::uint64_t>(part.end - part.begin) * inner;
    const std::uint64_t stride = static_cast<std::uint64_t>(shape[part.axis]) * inner;
    if (begin % 8 != 0 || length % 8 != 0 || (out.outer > 1 && stride % 8 != 0)) {
        fail(Code::unsupported, "rows ", part.begin, " to ", part.end, " of ", whole, " do not begin and end at bytes");
    }
    out.begin = static_cast<std::size_t>(begin / 8);
    out.length = static_cast<std::size_t>(length / 8);
    out.stride = static_cast<std::size_t>(stride / 8);
    return out;
}

bool is_whole(const Type& type, const graph::InputSlice& part) {
    return part.axis < 0 || (part.begin == 0 && part.end == type.shape[part.axis]);
}

template <class T>
void combine(graph::Merge merge, std::span<T> into, std::span<const T> more) {
    for (std::size_t i = 0; i < into.size(); ++i) {
        switch (merge) {
            case graph::Merge::sum: into[i] = static_cast<T>(into[i] + more[i]); break;
            case graph::Merge::product: into[i] = static_cast<T>(into[i] * more[i]); break;
            case graph::Merge::max: into[i] = std::max(into[i], more[i]); break;
            case graph::Merge::min: into[i] = std::min(into[i], more[i]); break;
            case graph::Merge::concat: break;
        }
    }
}

// Halves are combined as floats and rounded after each step.
template <class T>
void combine_rounded(graph::Merge merge, std::span<T> into, std::span<const T> more) {
    for (std::size_t i = 0; i < into.size(); ++i) {
        float sum = static_cast<float>(into[i]);
        const float next = static_cast<float>(more[i]);
        combine<float>(merge, {&sum, 1}, {&next, 1});
        into[i] = T(sum);
    }
}

void combine(graph::Merge merge, Tensor& into, const Tensor& more) {
    tensor::with_type(into.element(), [&](auto sample) {
        using T = decltype(sample);
        if constexpr (std::is_same_v<T, tensor::Half> || std::is_same_v<T, tensor::BFloat>)
            combine_rounded<T>(merge, into.edit_as<T>(), more.as<T>());
        else if constexpr (std::is_same_v<T, tensor::Bool>)
            fail(Code::unsupported, graph::name(merge), " of booleans");
        else
            combine<T>(merge, into.edit_as<T>(), more.as<T>());
    });
}

Tensor concatenated(const Type& type, const std::vector<Piece>& pieces) {
    Tensor out(type);
    const auto bytes = out.edit();
    for (const Piece& piece : pieces) {
        const auto from = piece.tensor.bytes();
        if (is_whole(type, piece.part)) {
            std::copy(from.begin(), from.end(), bytes.begin());
            continue;
        }
        const Runs runs = runs_of(type, piece.part);
        for (std::size_t row = 0; row < runs.outer && runs.length > 0; ++row)
            std::memcpy(bytes.data() + row * runs.stride + runs.begin, from.data() + row * runs.length, runs.length);
    }
    return out;
}

}  // namespace

Type part_type(const Type& whole, const graph::InputSlice& part) {
    if (part.axis < 0) return whole;
    return {whole.element, whole.shape.with(part.axis, part.end - part.begin)};
}

Tensor part_of(const Tensor& whole, const graph::InputSlice& part) {
    if (is_whole(whole.type(), part)) return whole;
    const Type type = part_type(whole.type(), part);
    if (type.shape.count() == 0) return Tensor(type);
    const Runs runs = runs_of(whole.type(), part);
    if (runs.outer == 1) return {type, whole.shared_bytes().slice(runs.begin, runs.length)};
    Tensor out(type);
    const auto bytes = out.edit();
    for (std::size_t row = 0; row < runs.outer; ++row)
        std::memcpy(bytes.data() + row * runs.length, whole.bytes().data() + row * runs.stride + runs.begin,
                    runs.length);
    return out;
}

Tensor merged(const Type& type, graph::Merge merge, std::vector<Piece> pieces) {
    base::ensure(!pieces.empty(), "a tensor from no pieces");
    if (pieces.size() == 1 && is_whole(type, pieces[0].part)) return std::move(pieces[0].tensor);
    if (merge == graph::Merge::concat) return concatenated(type, pieces);
    Tensor out(type);
    const auto first = pieces[0].tensor.bytes();
    std::copy(first.begin(), first.end(), out.edit().begin());
    for (std::size_t i = 1; i < pieces.size(); ++i)
        combine(merge, out, pieces[i].tensor);
    return out;
}

}  // namespace shoal::node
