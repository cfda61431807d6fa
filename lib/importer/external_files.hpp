// Weights that stand in files beside the model (ONNX "external data"): found by relative name, mapped once, and never
// outside of the model's folder, whatever the model says and whatever links lie there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace shoal::importer {

class ExternalFiles {
public:
    /// Files may lie below any of `folders`; with none, external data is refused.
    explicit ExternalFiles(std::vector<std::filesystem::path> folders) : folders_(std::move(folders)) {}

    /// `length` bytes from `offset` of the file `location`; `who` is the tensor, for errors.
    /// Throws invalid_model (absolute, outside of the folder, range not inside of the file), not_found or io.
    [[nodiscard]] base::SharedBytes read(const std::string& location, std::uint64_t offset, std::uint64_t length,
                                         const std::string& who);

private:
    [[nodiscard]] std::filesystem::path find(const std::string& location, const std::string& who) const;

    std::vector<std::filesystem::path> folders_;
    std::map<std::filesystem::path, base::SharedBytes> mapped_;
};

/// A mapped file as shared bytes; failures of the system become Code::not_found or Code::io.
[[nodiscard]] base::SharedBytes map_shared(const std::filesystem::path& path);

}  // namespace shoal::importer
