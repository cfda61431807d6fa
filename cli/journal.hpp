// Lines as systemd's journal wants them.
#pragma once

#include <string>
#include <string_view>

#include "base/log.hpp"

namespace shoal::cli {

/// Every line of `text` with the level's priority in front: "<4>hub lost".
[[nodiscard]] std::string for_journal(base::LogLevel level, std::string_view text);

}  // namespace shoal::cli
