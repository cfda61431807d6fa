// What a piece of code throws, as values that tests compare.
#pragma once

#include <optional>
#include <string>

#include "base/error.hpp"

namespace shoal::test {

/// The message of the base::Error that `work` throws, "" when it throws none.
template <class Work>
[[nodiscard]] std::string error_of(Work&& work) {
    try {
        work();
    } catch (const base::Error& error) {
        return error.what();
    }
    return "";
}

template <class Work>
[[nodiscard]] std::optional<base::Code> code_of(Work&& work) {
    try {
        work();
    } catch (const base::Error& error) {
        return error.code();
    }
    return std::nullopt;
}

/// True when `text` has `part` in it.
[[nodiscard]] inline bool says(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace shoal::test
