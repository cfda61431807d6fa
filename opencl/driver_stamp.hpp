// Which drivers were found healthy, so that not every start has to try them again: one small text file a set of
// registrations, with each library's file, size and time. A changed, added or removed driver makes it void.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "opencl/icd.hpp"

namespace shoal::opencl {

[[nodiscard]] bool found_healthy(const std::filesystem::path& folder, const std::vector<Icd>& icds);

/// `libraries` are the files that the registrations led to, one each.
void remember_healthy(const std::filesystem::path& folder, const std::vector<Icd>& icds,
                      const std::vector<std::string>& libraries);

}  // namespace shoal::opencl
