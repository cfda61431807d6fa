// What a hub's status says to the C interface.
#pragma once

#include "shoal/shoal.h"
#include "wire/status.hpp"

namespace shoal::capi {

/// As shoal_hub_state, without the size that fill() gives it.
[[nodiscard]] inline shoal_hub_state state_of(const wire::Status& status) {
    shoal_hub_state out{};
    for (const auto& board : status.boards)
        out.boards += board.state == wire::BoardState::ready ? 1 : 0;
    out.clients = status.clients.size();
    out.models = status.models.size();
    for (const auto& model : status.models) {
        out.answered += model.answered;
        out.failed += model.failed;
    }
    return out;
}

}  // namespace shoal::capi
