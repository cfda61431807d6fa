#include "cli/pictures.hpp"

#include <stdexcept>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#include <stb_image_write.h>

namespace shoal::test {

using cli::Picture;

Picture made_up_picture(int width, int height, int channels) {
    Picture out{width, height, channels};
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            for (int c = 0; c < channels; ++c)
                out.values.push_back(static_cast<std::uint8_t>(7 * x + 13 * y + 50 * c));
        }
    }
    return out;
}

void write_png(const std::filesystem::path& path, const Picture& picture) {
    if (stbi_write_png(path.c_str(), picture.width, picture.height, picture.channels, picture.values.data(), 0) == 0)
        throw std::runtime_error("cannot write " + path.string());
}

void write_jpeg(const std::filesystem::path& path, const Picture& picture) {
    if (stbi_write_jpg(path.c_str(), picture.width, picture.height, picture.channels, picture.values.data(), 95) == 0)
        throw std::runtime_error("cannot write " + path.string());
}

}  // namespace shoal::test
