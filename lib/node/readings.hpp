// What a person at the status page wants to know of a board's health: heat, clocks, memory. Reads the system's files,
// which may take a moment: not for the node's thread.
#pragma once

#include <vector>

#include "wire/board_messages.hpp"

namespace shoal::node {

/// Only what this system tells; names carry their units.
[[nodiscard]] std::vector<wire::Reading> read_board();

}  // namespace shoal::node
