#include "opencl/kernel_table.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace shoal::opencl {

std::string_view kernel_text(std::string_view name) {
    const auto texts = kernel_texts();
    const auto at = std::lower_bound(texts.begin(), texts.end(), name,
                                     [](const KernelText& row, std::string_view wanted) { return row.name < wanted; });
    base::ensure(at != texts.end() && at->name == name, "no kernel file is named '", name, "'");
    return at->text;
}

}  // namespace shoal::opencl
