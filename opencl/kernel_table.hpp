// The text of every kernel file, compiled into the library: opencl/kernels/NAME.cl is kernel_text("NAME").
#pragma once

#include <span>
#include <string_view>

namespace shoal::opencl {

struct KernelText {
    std::string_view name;  ///< the file's name without ".cl"
    std::string_view text;  ///< byte for byte the file
};

/// All of them, sorted by name.
[[nodiscard]] std::span<const KernelText> kernel_texts() noexcept;

/// Throws internal when there is no such file.
[[nodiscard]] std::string_view kernel_text(std::string_view name);

}  // namespace shoal::opencl
