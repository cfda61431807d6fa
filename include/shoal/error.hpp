// What failing calls of the C interface become in C++, and handles that release themselves. Part of shoal.hpp.
#ifndef SHOAL_ERROR_HPP
#define SHOAL_ERROR_HPP

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "shoal/shoal.h"

namespace shoal {

/// What a call that fails throws: the code (SHOAL_TIMEOUT, ...) and the words.
class Error : public std::runtime_error {
public:
    Error(shoal_status code, const std::string& what) : std::runtime_error(what), code_(code) {}
    [[nodiscard]] shoal_status code() const noexcept { return code_; }

private:
    shoal_status code_;
};

namespace detail {

inline void check(shoal_status status) {
    if (status != SHOAL_OK) throw Error(status, shoal_last_error());
}

template <auto kRelease>
struct Releaser {
    template <class Handle>
    void operator()(Handle* handle) const noexcept {
        kRelease(handle);
    }
};
template <class Handle, auto kRelease>
using Owned = std::unique_ptr<Handle, Releaser<kRelease>>;

inline const char* or_null(const std::string& text) {
    return text.empty() ? nullptr : text.c_str();
}

}  // namespace detail

/// The library's version, e.g. "0.1.0".
[[nodiscard]] inline std::string_view version() {
    return shoal_version();
}

}  // namespace shoal

#endif
