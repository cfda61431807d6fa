// Standard output: what a command was asked for, and nothing else. Not thread-safe.
#pragma once

#include <exception>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/error.hpp"

namespace shoal::cli {

/// Nobody reads standard output any more (a closed pipe): no failure, but there is no point in going on.
class OutputClosed : public std::exception {
public:
    [[nodiscard]] const char* what() const noexcept override { return "standard output is closed"; }
};

/// Throws OutputClosed, or io when it cannot be written (disk full).
void print(std::string_view text);
void flush_output();

template <class... Parts>
void print_line(const Parts&... parts) {
    print(base::text(parts..., '\n'));
}

/// One document, indented. Text that is no UTF-8 (names from a model) is repaired.
void print_json(const nlohmann::ordered_json& document);

}  // namespace shoal::cli
