#include "opencl/codegen/nest.hpp"

namespace shoal::opencl {

Index Nest::flat_outer() const {
    Index out;
    std::int64_t stride = 1;
    for (std::size_t k = outer.size(); k-- > 0;) {
        if (outer[k] > 1) out += Index(digit(k)) * stride;
        stride *= outer[k];
    }
    return out;
}

Index Nest::flat_folded() const {
    Index out;
    std::int64_t stride = 1;
    for (std::size_t k = folded.size(); k-- > 0;) {
        if (folded[k] > 1) out += Index(digit(outer.size() + k)) * stride;
        stride *= folded[k];
    }
    return out;
}

void Nest::cut(const SplitNeeded& split) {
    const auto number = static_cast<std::size_t>(split.digit);
    auto& digits = number < outer.size() ? outer : folded;
    const std::size_t at = number < outer.size() ? number : number - outer.size();
    digits[at] /= split.inner;
    digits.insert(digits.begin() + static_cast<std::ptrdiff_t>(at) + 1, split.inner);
}

}  // namespace shoal::opencl
