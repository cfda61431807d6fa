// What every file of the C interface needs: exceptions become codes, options are read by their size, and views become
// tensors. Internal to the C interface.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "capi/handle.hpp"
#include "opencl/discovery.hpp"
#include "runtime/backend.hpp"
#include "shoal/shoal.h"
#include "tensor/tensor.hpp"

/// Where models run.
struct shoal_place : shoal::capi::Handle<0x5ea10001> {
    shoal_place(std::string name_, std::shared_ptr<shoal::runtime::Backend> backend_,
                std::function<shoal_hub_state(std::chrono::milliseconds)> hub_state_ = {})
        : name(std::move(name_)), backend(std::move(backend_)), hub_state(std::move(hub_state_)) {}
    std::string name;
    std::shared_ptr<shoal::runtime::Backend> backend;
    std::function<shoal_hub_state(std::chrono::milliseconds timeout)> hub_state;  ///< empty: no cluster
};

struct shoal_cancellation : shoal::capi::Handle<0x5ea10002> {
    shoal::runtime::Cancellation flag;
};

namespace shoal::capi {

/// Keeps the words for shoal_last_error() and returns the code.
shoal_status remember(shoal_status status, const char* text) noexcept;

/// The code of what is being thrown, its words kept.
shoal_status remember_exception() noexcept;

/// Runs `work`; what it throws becomes a code.
template <class Work>
shoal_status guarded(Work&& work) noexcept {
    try {
        work();
        return SHOAL_OK;
    } catch (...) {
        return remember_exception();
    }
}

/// Throws invalid_argument when the caller gave NULL for what it must give.
void expect(const void* given, const char* what);

/// "" for NULL.
[[nodiscard]] inline std::string text_or_empty(const char* text) {
    return text == nullptr ? std::string() : std::string(text);
}

/// Throws invalid_argument for a struct_size that nobody set. No structure will ever be as large as kLargestStruct.
void check_struct_size(std::size_t given, const char* what);
inline constexpr std::size_t kLargestStruct = 4096;

/// Throws unsupported when a newer caller set what lies behind the first `known` of `given` bytes.
void check_rest_is_zero(const void* options, std::size_t known, std::size_t given);

// Members that are added later are eight bytes wide or come in pairs of four: none may lie in what was padding at the
// end of an older caller's structure, which nobody has set.

/// The options as this library knows them: what an older caller does not have is 0. NULL: all defaults.
template <class Options>
[[nodiscard]] Options read_options(const Options* given) {
    Options out{};
    if (given == nullptr) return out;
    check_struct_size(given->struct_size, "the options");
    check_rest_is_zero(given, sizeof(Options), given->struct_size);
    std::memcpy(&out, given, std::min(given->struct_size, sizeof(Options)));
    return out;
}

/// Fills the caller's structure as far as it reaches; what this library does not know of it becomes 0.
template <class Filled>
void fill(Filled* to, Filled value) {
    const std::size_t size = to->struct_size;
    check_struct_size(size, "what is to be filled");
    value.struct_size = size;
    std::memcpy(static_cast<void*>(to), &value, std::min(size, sizeof(Filled)));
    if (size > sizeof(Filled)) std::memset(reinterpret_cast<std::byte*>(to) + sizeof(Filled), 0, size - sizeof(Filled));
}

/// The wait that the caller gave, or the default for 0. Throws invalid_argument, with the field's name, below 0.
[[nodiscard]] std::chrono::milliseconds wait_of(std::int64_t given_ms, std::chrono::milliseconds otherwise,
                                                const char* field);

/// Throw invalid_argument naming what is wrong with the view.
[[nodiscard]] tensor::Type type_of(const shoal_tensor& view);
[[nodiscard]] tensor::Tensor copy_of(const shoal_tensor& view);
/// A view of a tensor that lives elsewhere.
[[nodiscard]] shoal_tensor view_of(const tensor::Tensor& tensor);

/// `count` texts that the caller gave. Throws invalid_argument for NULL among them, with what they are.
[[nodiscard]] std::vector<std::string> texts_of(const char* const* texts, std::size_t count, const char* what);

/// What every function of a part returns that this library was built without.
[[nodiscard]] shoal_status left_out(const char* part, const char* option) noexcept;

/// What a node, shoal_open_device and shoal_share_devices say alike of devices.
struct DeviceChoice {
    int threads = 0;
    std::string kernel_folder{};  ///< "": programs are compiled
    std::int64_t driver_timeout_ms = 0;
    std::function<bool()> cancelled{};  ///< asked between drivers and devices; ends it with Code::cancelled
};

/// Whether it was cancelled, for those who ask now and then; empty for NULL.
[[nodiscard]] std::function<bool()> asks(const shoal_cancellation* cancellation);

/// Looks for devices; each driver is waited for so long.
[[nodiscard]] opencl::Discovery find_devices(std::int64_t driver_timeout_ms);

/// The backend that the wish names, as shoal_open_device reads it.
[[nodiscard]] std::shared_ptr<runtime::Backend> open_backend(const std::string& wish, const DeviceChoice& choice);
/// The backends that the wishes name, as shoal_share_devices reads them; devices are looked for once. Those that only
/// compute on another's cores are left out. Throws invalid_argument when two wishes name one device.
[[nodiscard]] std::vector<std::shared_ptr<runtime::Backend>> open_backends(const std::vector<std::string>& wishes,
                                                                           const DeviceChoice& choice);

}  // namespace shoal::capi
