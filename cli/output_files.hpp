// Outputs as .npy files in a folder: NAME.npy each, names made safe for files. Everything is checked before anything is
// written, each file appears whole or not at all, and other files in the folder stay as they are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tensor/tensor.hpp"

namespace shoal::cli {

/// The file name for an output: letters, digits and "._-" stay, everything else becomes '_'.
[[nodiscard]] std::string file_name(std::string_view output);

class OutputFolder {
public:
    /// Checks that these outputs can go there, without touching anything. Throws refused for two names that become the
    /// same file, io for a path that is no folder or cannot be written.
    OutputFolder(std::filesystem::path folder, const std::vector<std::string>& outputs);

    struct Written {
        std::filesystem::path file;
        std::string note;  ///< "" or what the file holds instead: .npy has no bf16 and no nibbles
    };
    /// Writes them all, in order. Throws io.
    [[nodiscard]] std::vector<Written> write(const std::vector<std::pair<std::string, tensor::Tensor>>& outputs) const;

private:
    std::filesystem::path folder_;
};

}  // namespace shoal::cli
