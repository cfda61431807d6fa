// Ending calls from another thread. Part of shoal.hpp.
#ifndef SHOAL_CANCELLATION_HPP
#define SHOAL_CANCELLATION_HPP

#include <memory>

#include "shoal/error.hpp"

namespace shoal {

/// Lets another thread end calls. Copies mean the same.
class Cancellation {
public:
    Cancellation() {
        shoal_cancellation* out = nullptr;
        detail::check(shoal_cancellation_new(&out));
        handle_.reset(out, shoal_cancellation_release);
    }
    void cancel() const noexcept { shoal_cancel(handle_.get()); }
    [[nodiscard]] shoal_cancellation* get() const noexcept { return handle_.get(); }

private:
    std::shared_ptr<shoal_cancellation> handle_;
};

}  // namespace shoal

#endif
