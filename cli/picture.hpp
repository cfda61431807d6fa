// Pictures from PNG and JPEG files, and what is done to them before a model sees them. Resizing gives what Pillow's and
// torchvision's bilinear resizing give, antialiased and rounded to 8 bits; here and there a value is one of 255 off.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace shoal::cli {

/// 8-bit pixels, top row first, channels of a pixel side by side: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA.
struct Picture {
    int width = 0, height = 0, channels = 0;
    std::vector<std::uint8_t> values{};
    bool was_16_bit = false;  ///< the file has 16 bits a channel; the upper 8 are here

    [[nodiscard]] std::uint8_t at(int x, int y, int channel) const {
        return values[(static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)) *
                          static_cast<std::size_t>(channels) +
                      static_cast<std::size_t>(channel)];
    }
};

/// Of a picture that is read, or made on the way to a model's input.
inline constexpr std::int64_t kMostPixels = 100'000'000;

/// "grey", "grey with alpha", "RGB", "RGBA"
[[nodiscard]] std::string_view channel_name(int channels);

/// True for the first bytes of a PNG or JPEG file.
[[nodiscard]] bool is_picture(base::ByteView file) noexcept;

/// Throws invalid_argument for a damaged file, unsupported above 100 million pixels. `name` is what errors call it.
[[nodiscard]] Picture decode_picture(base::ByteView file, std::string_view name);

/// 1, 3 or 4 channels: colours become grey by their luminance (ITU-R 601), alpha is left out or full.
[[nodiscard]] Picture with_channels(Picture picture, int channels);

/// Bilinear; a pixel of a smaller picture is the weighted mean of all that it covers.
[[nodiscard]] Picture resized(const Picture& picture, int width, int height);

/// The part of that size from (x, y) on, which must be there.
[[nodiscard]] Picture cropped(const Picture& picture, int x, int y, int width, int height);

}  // namespace shoal::cli
