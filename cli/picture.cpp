#include "cli/picture.hpp"

#include <stb_image.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "base/error.hpp"

namespace shoal::cli {

using base::Code;
using base::fail;

namespace {


std::size_t value_count(int width, int height, int channels) {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * static_cast<std::size_t>(channels);
}

bool begins_with(base::ByteView file, std::initializer_list<unsigned> bytes) {
    return file.size() >= bytes.size() &&
           std::equal(bytes.begin(), bytes.end(), file.begin(),
                      [](auto want, auto have) { return want == std::to_integer<unsigned>(have); });
}

// One output pixel along an axis: which input pixels it is made of, and how much of each in 2^-22. Pillow computes with
// these fixed-point weights too, so that results are the same to the last bit.
constexpr int kWeightBits = 22;
struct Taps {
    int first;
    std::vector<std::int64_t> weights;
};

// The triangle filter, widened by the factor by which a picture shrinks.
std::vector<Taps> taps(int from, int to) {
    const double scale = static_cast<double>(from) / to, widening = std::max(scale, 1.0);
    std::vector<Taps> out;
    for (int i = 0; i < to; ++i) {
        const double centre = (i + 0.5) * scale;
        const int first = std::max(0, static_cast<int>(centre - widening + 0.5));
        const int last = std::min(from, static_cast<int>(centre + widening + 0.5));
        std::vector<double> shares;
        double sum = 0;
        for (int x = first; x < last; ++x) {
            shares.push_back(std::max(0.0, 1.0 - std::abs((x - centre + 0.5) / widening)));
            sum += shares.back();
        }
        Taps own{first, {}};
        for (const double share : shares)
            own.weights.push_back(static_cast<std::int64_t>(0.5 + share / sum * (1 << kWeightBits)));
        out.push_back(std::move(own));
    }
    return out;
}

// The weighted mean of pixels; `pixel(k)` is the one of the k-th weight.
template <class Pixel>
std::uint8_t weighed(const Taps& taps, Pixel&& pixel) {
    std::int64_t sum = std::int64_t{1} << (kWeightBits - 1);
    for (std::size_t k = 0; k < taps.weights.size(); ++k)
        sum += taps.weights[k] * pixel(static_cast<int>(k));
    return static_cast<std::uint8_t>(std::clamp<std::int64_t>(sum >> kWeightBits, 0, 255));
}

std::uint8_t luminance(const std::uint8_t* rgb) {
    return static_cast<std::uint8_t>((19595U * rgb[0] + 38470U * rgb[1] + 7471U * rgb[2] + 0x8000U) >> 16);
}

}  // namespace

std::string_view channel_name(int channels) {
    constexpr std::string_view kNames[] = {"grey", "grey with alpha", "RGB", "RGBA"};
    return kNames[std::clamp(channels, 1, 4) - 1];
}

bool is_picture(base::ByteView file) noexcept {
    return begins_with(file, {0x89, 'P', 'N', 'G'}) || begins_with(file, {0xFF, 0xD8, 0xFF});
}

Picture decode_picture(base::ByteView file, std::string_view name) {
    if (file.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        fail(Code::unsupported, name, ": ", file.size(), " bytes are too much for a picture");
    const auto* bytes = reinterpret_cast<const stbi_uc*>(file.data());
    const int size = static_cast<int>(file.size());
    Picture out;
    if (stbi_info_from_memory(bytes, size, &out.width, &out.height, &out.channels) == 0)
        fail(Code::invalid_argument, name, ": a damaged picture (", stbi_failure_reason(), ")");
    if (std::int64_t{out.width} * out.height > kMostPixels)
        fail(Code::unsupported, name, ": ", out.width, "x", out.height, " pixels; at most ", kMostPixels, " are read");
    out.was_16_bit = stbi_is_16_bit_from_memory(bytes, size) != 0;
    const std::unique_ptr<stbi_uc, decltype(&stbi_image_free)> pixels(
        stbi_load_from_memory(bytes, size, &out.width, &out.height, &out.channels, 0), stbi_image_free);
    if (pixels == nullptr) fail(Code::invalid_argument, name, ": a damaged picture (", stbi_failure_reason(), ")");
    out.values.assign(pixels.get(), pixels.get() + value_count(out.width, out.height, out.channels));
    return out;
}

Picture with_channels(Picture picture, int channels) {
    if (picture.channels == channels) return picture;
    Picture out{picture.width, picture.height, channels, {}, picture.was_16_bit};
    out.values.reserve(value_count(out.width, out.height, channels));
    const bool coloured = picture.channels >= 3, has_alpha = picture.channels % 2 == 0;
    for (std::size_t i = 0; i < picture.values.size(); i += static_cast<std::size_t>(picture.channels)) {
        const std::uint8_t* pixel = &picture.values[i];
        if (channels == 1) {
            out.values.push_back(coloured ? luminance(pixel) : pixel[0]);
            continue;
        }
        for (int c = 0; c < 3; ++c)
            out.values.push_back(pixel[coloured ? c : 0]);
        if (channels == 4) out.values.push_back(has_alpha ? pixel[picture.channels - 1] : std::uint8_t{255});
    }
    return out;
}

Picture resized(const Picture& picture, int width, int height) {
    if (picture.width == width && picture.height == height) return picture;
    const int channels = picture.channels;
    Picture narrow{width, picture.height, channels, {}, picture.was_16_bit};
    narrow.values.reserve(value_count(width, picture.height, channels));
    const auto across = taps(picture.width, width), down = taps(picture.height, height);
    for (int y = 0; y < picture.height; ++y) {
        for (const Taps& tap : across) {
            for (int c = 0; c < channels; ++c)
                narrow.values.push_back(weighed(tap, [&](int k) { return picture.at(tap.first + k, y, c); }));
        }
    }
    Picture out{width, height, channels, {}, picture.was_16_bit};
    out.values.reserve(value_count(width, height, channels));
    for (const Taps& tap : down) {
        for (int x = 0; x < width; ++x) {
            for (int c = 0; c < channels; ++c)
                out.values.push_back(weighed(tap, [&](int k) { return narrow.at(x, tap.first + k, c); }));
        }
    }
    return out;
}

Picture cropped(const Picture& picture, int x, int y, int width, int height) {
    base::ensure(x >= 0 && y >= 0 && x + width <= picture.width && y + height <= picture.height, "a part of ", width,
                 "x", height, " at ", x, ",", y, " of a picture of ", picture.width, "x", picture.height);
    Picture out{width, height, picture.channels, {}, picture.was_16_bit};
    out.values.reserve(value_count(width, height, picture.channels));
    const auto row_bytes = static_cast<std::ptrdiff_t>(value_count(width, 1, picture.channels));
    for (int row = y; row < y + height; ++row) {
        const auto at = picture.values.begin() +
                        static_cast<std::ptrdiff_t>(value_count(picture.width, row, picture.channels)) +
                        static_cast<std::ptrdiff_t>(value_count(x, 1, picture.channels));
        out.values.insert(out.values.end(), at, at + row_bytes);
    }
    return out;
}

}  // namespace shoal::cli
