// One request's batch divided over boards that each hold the whole model: for latency, where the batch is above one.
#pragma once

#include <optional>
#include <vector>

#include "plan/chain.hpp"
#include "plan/problem.hpp"

namespace shoal::plan {

/// True when the model's batch is above one and every row of the outputs needs that row of the inputs only. Constants
/// need not be bound.
[[nodiscard]] bool can_split_batch(const graph::Graph& graph);

/// Rows for each of `boards`, in order, so that the slowest part is back at the hub as early as can be; the hub sends
/// one part after the other. Boards may get none. Empty when memory does not let all rows be given away.
[[nodiscard]] std::vector<std::int64_t> batch_rows(const Problem& problem, const Chain& chain, std::uint32_t model,
                                                   const std::vector<std::uint32_t>& boards);

/// A batch split over at least two of the boards, fastest first; nothing when there is none. Whether it beats a
/// pipeline is for the caller to see.
[[nodiscard]] std::optional<Node> split_batch(const Problem& problem, const Chain& chain, std::uint32_t model,
                                              const std::vector<std::uint32_t>& boards);

/// A batch divided over every one of the boards that holds its rows, by speed alone, even where links make fewer boards
/// quicker; nothing when none does.
[[nodiscard]] std::optional<Node> batch_over_all(const Problem& problem, const Chain& chain, std::uint32_t model,
                                                 const std::vector<std::uint32_t>& boards);

}  // namespace shoal::plan
