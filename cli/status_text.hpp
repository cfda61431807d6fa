// The state of a cluster for an 80-column terminal, and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "wire/status.hpp"

namespace shoal::cli {

[[nodiscard]] std::string status_text(const wire::Status& status);
[[nodiscard]] nlohmann::ordered_json status_json(const wire::Status& status);

}  // namespace shoal::cli
