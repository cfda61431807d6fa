// Calling what callers handed in. Internal to the client.
#pragma once

#include <utility>

#include "base/log.hpp"

namespace shoal::client {

/// What a caller's function throws must not end the client's thread; it is logged.
template <class Function, class... Arguments>
void tell(const Function& function, Arguments&&... arguments) noexcept {
    if (!function) return;
    try {
        function(std::forward<Arguments>(arguments)...);
    } catch (const std::exception& error) {
        base::log_warning("client", "a callback threw: ", error.what());
    } catch (...) {
        base::log_warning("client", "a callback threw something");
    }
}

}  // namespace shoal::client
