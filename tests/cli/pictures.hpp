// PNG and JPEG files for tests.
#pragma once

#include <filesystem>

#include "cli/picture.hpp"

namespace shoal::test {

/// Pixels that differ everywhere: value = (7 x + 13 y + 50 c) mod 256.
[[nodiscard]] cli::Picture made_up_picture(int width, int height, int channels);

void write_png(const std::filesystem::path& path, const cli::Picture& picture);
void write_jpeg(const std::filesystem::path& path, const cli::Picture& picture);

}  // namespace shoal::test
