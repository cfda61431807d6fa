// A file of settings: TOML 1.0 (https://toml.io), one key a flag, without sections. This reads it; what the keys mean
// is decided by settings.hpp.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace shoal::cli {

struct ConfigEntry {
    enum class Kind { text, whole, real, truth, section, other };
    std::string key;
    Kind kind = Kind::other;
    bool list = false;                  ///< [a, b]: all of one kind, else it is `other`
    std::vector<std::string> values{};  ///< as one would write them behind the flag; one unless it is a list
    std::size_t line = 0;
};

/// The file's keys in the order of their names. Throws not_found or io, and UsageError with file and line for what is
/// no TOML.
[[nodiscard]] std::vector<ConfigEntry> read_config(const std::filesystem::path& file);

}  // namespace shoal::cli
