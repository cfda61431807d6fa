// When nothing fits: by how much, and where.
#pragma once

#include <vector>

#include "plan/chain.hpp"
#include "plan/problem.hpp"

namespace shoal::plan {

/// Throws Error{does_not_fit} with the first of these that holds: a kernel that no board can hold alone; weights that
/// all boards together cannot hold; otherwise the least memory more on one board that would make a pipeline fit.
[[noreturn]] void fail_to_fit(const Problem& problem, const Chain& chain, std::uint32_t model,
                              const std::vector<std::uint32_t>& boards);

/// Throws Error{does_not_fit}: the whole model fits no single board; names the one that lacks least.
[[noreturn]] void fail_to_fit_whole(const Problem& problem, const Chain& chain, std::uint32_t model,
                                    const std::vector<std::uint32_t>& boards);

}  // namespace shoal::plan
