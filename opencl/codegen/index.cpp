#include "opencl/codegen/index.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace shoal::opencl {

std::int64_t Index::coefficient(const Symbol& symbol) const {
    const auto at = terms_.find(symbol);
    return at == terms_.end() ? 0 : at->second;
}

std::int64_t Index::least() const {
    std::int64_t out = offset_;
    for (const auto& [symbol, factor] : terms_)
        out += std::min<std::int64_t>(0, factor * (symbol.extent - 1));
    return out;
}

std::int64_t Index::most() const {
    std::int64_t out = offset_;
    for (const auto& [symbol, factor] : terms_)
        out += std::max<std::int64_t>(0, factor * (symbol.extent - 1));
    return out;
}

Index& Index::operator+=(const Index& other) {
    offset_ += other.offset_;
    for (const auto& [symbol, factor] : other.terms_) {
        const auto at = terms_.try_emplace(symbol, 0).first;
        at->second += factor;
        if (at->second == 0) terms_.erase(at);
    }
    return *this;
}

Index Index::operator*(std::int64_t factor) const {
    Index out;
    if (factor == 0) return out;
    out.offset_ = offset_ * factor;
    for (const auto& [symbol, own] : terms_)
        out.terms_[symbol] = own * factor;
    return out;
}

Division divide(const Index& index, std::int64_t divisor) {
    Division out;
    if (divisor <= 1) return {index, Index()};  // along an axis of 0 no loop's body ever runs
    // Every term gives its whole multiples of the divisor to the quotient; what remains must stay below the divisor.
    const auto floor_div = [](std::int64_t a, std::int64_t b) {
        return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
    };
    out.quotient = Index(floor_div(index.offset(), divisor));
    out.remainder = Index(index.offset() - floor_div(index.offset(), divisor) * divisor);
    for (const auto& [symbol, factor] : index.terms()) {
        const std::int64_t whole = floor_div(factor, divisor);
        out.quotient += Index(symbol) * whole;
        out.remainder += Index(symbol) * (factor - whole * divisor);
    }
    if (out.remainder.least() >= 0 && out.remainder.most() < divisor) return out;
    // The digit whose steps cross the divisor: cut it so that its outer part counts whole divisors.
    for (const auto& [symbol, factor] : out.remainder.terms()) {
        const bool crosses = factor > 0 && factor < divisor && factor * symbol.extent > divisor;
        if (!crosses || symbol.kind != Symbol::Kind::digit || divisor % factor != 0) continue;
        const std::int64_t inner = divisor / factor;
        if (symbol.extent % inner == 0) throw SplitNeeded{symbol.number, inner};
    }
    throw NotLinear{};
}

std::vector<Index> coordinates(Index flat, const Shape& shape) {
    std::vector<Index> out(static_cast<std::size_t>(shape.rank()));
    for (int axis = shape.rank() - 1; axis > 0; --axis) {
        if (shape[axis] == 1) continue;
        auto [quotient, remainder] = divide(flat, shape[axis]);
        out[static_cast<std::size_t>(axis)] = std::move(remainder);
        flat = std::move(quotient);
    }
    if (shape.rank() > 0 && shape[0] > 1) {
        out[0] = std::move(flat);
    }
    return out;
}

Index flatten(const std::vector<Index>& at, const Shape& shape) {
    Index out;
    std::int64_t stride = 1;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
        out += at[static_cast<std::size_t>(axis)] * stride;
        stride *= shape[axis];
    }
    return out;
}

}  // namespace shoal::opencl
