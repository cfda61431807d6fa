// A folder of program binaries: the disk cache of compiled programs, and the folders of ahead-of-time kernels.
//
// One file a program and device, "<key>-<identity>.program", both parts hashes. Several threads and processes may use
// one folder at once: files appear whole by rename and are checked when read; what is damaged counts as absent.
// Binaries are code that will run here: whoever opens a folder decides whom it must belong to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "opencl/program_file.hpp"

namespace shoal::opencl {

class ProgramFolder {
public:
    explicit ProgramFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return folder_; }

    /// The program of that key for that very device and driver.
    [[nodiscard]] std::optional<ProgramFile> find(const base::Digest& key, const std::string& identity) const;

    /// The devices and drivers for which the folder holds the program of that key, whoever they are.
    [[nodiscard]] std::vector<std::string> identities_of(const base::Digest& key) const;

    /// True when a program for that very device and driver is there, by its file's name.
    [[nodiscard]] bool serves(const std::string& identity) const;

    /// Everybody for whom the folder holds something.
    [[nodiscard]] std::vector<std::string> identities() const;

    /// Keeps a program, making the folder where it is missing. Throws io.
    void store(const ProgramFile& file) const;

    /// Marks a program as just used, which keeps it from eviction; failures do not matter.
    void touch(const base::Digest& key, const std::string& identity) const noexcept;

    void erase(const base::Digest& key, const std::string& identity) const noexcept;

    /// Removes the programs that were used longest ago until at most `limit_bytes` stay, and parts of files that a
    /// process left behind when it was killed.
    void trim(std::uint64_t limit_bytes) const noexcept;

private:
    [[nodiscard]] std::filesystem::path path_of(const base::Digest& key, const std::string& identity) const;

    std::filesystem::path folder_;
};

}  // namespace shoal::opencl
