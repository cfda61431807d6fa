// A plan as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "plan/cluster.hpp"
#include "plan/plan.hpp"

namespace shoal::cli {

/// `boards` are the names of the plan's boards, by index.
[[nodiscard]] nlohmann::ordered_json plan_json(const plan::Plan& plan, const std::vector<std::string>& boards);

/// Names of the cluster's boards, by index.
/// Who does what, in one line: "62 % of the rows on 1.0, 38 % on 0.0", "kernels 1 to 40 on 1.0, then 41 to 57 on 0.0".
[[nodiscard]] std::string shares_text(const plan::Plan& plan, const std::vector<std::string>& boards);

[[nodiscard]] std::vector<std::string> board_names(const plan::Cluster& cluster);

}  // namespace shoal::cli
