// What every file of the C interface needs: exceptions become codes, options are read by their size, and views become
// tensors. Internal to the C interface.
#pragma once

#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "runtime/backend.hpp"
#include "shoal/shoal.h"
#include "tensor/tensor.hpp"

/// Where models run.
struct shoal_place {
    std::string name;
    std::shared_ptr<shoal::runtime::Backend> backend;
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

/// The options as this library knows them: what an older caller does not have is 0. NULL: all defaults.
template <class Options>
[[nodiscard]] Options read_options(const Options* given) {
    Options out{};
    if (given == nullptr) return out;
    if (given->struct_size < sizeof(std::size_t))
        base::fail(base::Code::invalid_argument, "struct_size of the options is ", given->struct_size,
                   "; set it to sizeof the structure");
    std::memcpy(&out, given, std::min(given->struct_size, sizeof(Options)));
    return out;
}

/// Throw invalid_argument naming what is wrong with the view.
[[nodiscard]] tensor::Type type_of(const shoal_tensor& view);
[[nodiscard]] tensor::Tensor copy_of(const shoal_tensor& view);
/// A view of a tensor that lives elsewhere.
[[nodiscard]] shoal_tensor view_of(const tensor::Tensor& tensor);

/// `count` texts that the caller gave. Throws invalid_argument for NULL among them, with what they are.
[[nodiscard]] std::vector<std::string> texts_of(const char* const* texts, std::size_t count, const char* what);

/// What every function of a part returns that this library was built without.
[[nodiscard]] shoal_status left_out(const char* part, const char* option) noexcept;

/// The backends that the wishes name, as shoal_open_device reads them; devices are looked for once. Their programs come
/// from the kernel folder, unless that is "".
[[nodiscard]] std::vector<std::shared_ptr<runtime::Backend>> open_backends(const std::vector<std::string>& wishes,
                                                                           int threads,
                                                                           const std::string& kernel_folder);

}  // namespace shoal::capi
