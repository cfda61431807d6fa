// The loops that a trace is computed in.
#pragma once

#include <cstdint>
#include <vector>

#include "opencl/codegen/index.hpp"

namespace shoal::opencl {

/// Loop digits: outer ones are dealt to work-items, folded ones run inside. Digit numbers count outer ones first.
struct Nest {
    std::vector<std::int64_t> outer, folded;

    [[nodiscard]] Symbol digit(std::size_t number) const {
        const auto extent = number < outer.size() ? outer[number] : folded[number - outer.size()];
        return {Symbol::Kind::digit, static_cast<int>(number), extent};
    }
    /// The position among all outer digits, and among all folded ones, row-major.
    [[nodiscard]] Index flat_outer() const;
    [[nodiscard]] Index flat_folded() const;

    /// Cuts a digit in two, its inner part counting `inner`.
    void cut(const SplitNeeded& split);
};

}  // namespace shoal::opencl
