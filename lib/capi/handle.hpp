// What every handle begins with: a released one, or one of another kind, is an error code and not a crash.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/error.hpp"

namespace shoal::capi {

/// Of a handle of kind `kKind`, a number that memory hardly holds by chance.
template <std::uint32_t kKind>
class Handle {
public:
    Handle() = default;
    ~Handle() { tag_.store(0, std::memory_order_relaxed); }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

    [[nodiscard]] bool is_valid() const noexcept { return tag_.load(std::memory_order_relaxed) == kKind; }

private:
    std::atomic<std::uint32_t> tag_{kKind};  // atomic, so that the last store is made
};

template <class Given>
concept IsHandle = requires(const Given& given) {
    given.is_valid();
};

template <IsHandle Given>
[[nodiscard]] bool is_valid(const Given* handle) noexcept {
    return handle != nullptr && handle->is_valid();
}

/// Throws invalid_argument for NULL, and for what is no such handle or was released.
template <IsHandle Given>
void expect(const Given* handle, const char* what) {
    if (handle == nullptr) base::fail(base::Code::invalid_argument, what, " is NULL");
    if (!handle->is_valid())
        base::fail(base::Code::invalid_argument, what, " was released, or is a handle of another kind");
}

/// Takes the handle back; does nothing for NULL and for what is no such handle.
template <IsHandle Given>
void release(Given* handle) noexcept {
    if (is_valid(handle)) delete handle;
}

}  // namespace shoal::capi
