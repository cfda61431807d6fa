// What --help prints, in 80 columns. A command's description is its summary in the first line and details below; its
// footer are examples.
#pragma once

#include <memory>

namespace CLI {
class FormatterBase;
}

namespace shoal::cli {

/// The group of the flags that every command has.
inline constexpr const char* kEveryCommand = "General";

[[nodiscard]] std::shared_ptr<CLI::FormatterBase> help_formatter();

}  // namespace shoal::cli
