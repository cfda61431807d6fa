#include "cli/image_input.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/checked.hpp"
#include "cli/flag_values.hpp"
#include "cli/frame.hpp"
#include "cli/text.hpp"

namespace shoal::cli {

using base::Code;
using base::text;
using importer::Dim;
using importer::ValueInfo;
using Dims = std::vector<Dim>;

void add_image_flags(CLI::App& command, ImageFlags& flags) {
    const char* group = "Pictures (PNG, JPEG)";
    command.add_option("--mean", flags.mean, "Subtracted after scaling: one number, or one a channel (default 0)")
        ->option_text("M,M,M")
        ->group(group);
    command.add_option("--std", flags.deviation, "Divided by after that, likewise (default 1)")
        ->option_text("S,S,S")
        ->group(group);
    command
        .add_option("--range", flags.range,
                    "What white becomes (default 1, and 255 for models that take whole numbers)")
        ->option_text("R")
        ->check(CLI::Range(1e-9, 1e9))
        ->group(group);
    restrict_to(command
                    .add_option("--fit", flags.fit,
                                "How a picture gets the model's size: crop keeps its middle (the default), stretch "
                                "keeps all of it")
                    ->option_text("crop|stretch")
                    ->group(group),
                {"crop", "stretch"});
    command.add_option("--resize", flags.resize, "Pixels of the shorter side before the crop (default: just enough)")
        ->option_text("N")
        ->check(CLI::Range(1, 65536))
        ->group(group);
    restrict_to(
        command.add_option("--layout", flags.layout, "Where the channels are (default: from the model's shape)")
            ->option_text("nchw|nhwc")
            ->group(group),
        {"auto", "nchw", "nhwc"});
    command.add_flag("--bgr", flags.bgr, "The model wants blue first")->group(group);
}

namespace {

constexpr int kNone = -1;

// Which axis is what; kNone where the shape has no such axis.
struct Layout {
    int batch = kNone, channel = kNone, row = kNone, column = kNone;
    std::string name;
    bool guessed = false;
};

bool holds_channels(const Dim& dim) {
    return dim.size == 1 || dim.size == 3 || dim.size == 4;
}

std::string shape_text(const ValueInfo& input) {
    return text("input '", input.name, "' ", to_string(input));
}

Layout layout_of(const ValueInfo& input, const Dims& dims, const std::string& wish) {
    const std::size_t rank = dims.size();
    if (rank == 2) return {kNone, kNone, 0, 1, "HW"};
    if (rank != 3 && rank != 4)
        base::fail(Code::unsupported, shape_text(input), " is no picture's shape; give it as a .npy file");
    const int batch = rank == 4 ? 0 : kNone, base = rank == 4 ? 1 : 0;
    const bool first = holds_channels(dims[static_cast<std::size_t>(base)]), last = holds_channels(dims.back());
    const Layout nchw{batch, base, base + 1, base + 2, rank == 4 ? "NCHW" : "CHW"};
    const Layout nhwc{batch, base + 2, base, base + 1, rank == 4 ? "NHWC" : "HWC"};
    if (wish != "auto") return wish == "nchw" ? nchw : nhwc;
    if (first != last) return first ? nchw : nhwc;
    if (rank == 3 && !first) return {0, kNone, 1, 2, "NHW"};
    if (!first)
        throw UsageError(shape_text(input) +
                         ": neither axis 1 nor axis 3 has 1, 3 or 4 channels; say --layout nchw or "
                         "nhwc, and the shape by --shape");
    Layout out = nchw;
    out.guessed = true;
    return out;
}

int channels_for(const ValueInfo& input, const Dims& dims, const Layout& layout, const Picture& picture) {
    if (layout.channel == kNone) return 1;
    const Dim& dim = dims[static_cast<std::size_t>(layout.channel)];
    if (!dim.known()) return picture.channels >= 3 ? 3 : 1;
    if (!holds_channels(dim))
        base::fail(Code::unsupported, shape_text(input), " takes ", dim.size,
                   " channels, a picture has 1, 3 or 4; give it as a .npy file");
    return static_cast<int>(dim.size);
}

struct Size {
    int width, height;
    bool operator==(const Size&) const = default;
};

std::string size_text(const Size& size) {
    return text(size.width, "x", size.height);
}

// The whole picture's size before its middle of `want` is cut out; rounds down as torchvision does.
Size size_before_crop(const Picture& picture, const Size& want, int shorter) {
    const auto scaled = [](int length, int numerator, int denominator) {
        const std::int64_t out = std::int64_t{length} * numerator / denominator;
        return static_cast<int>(std::min<std::int64_t>(out, std::numeric_limits<int>::max()));
    };
    if (shorter > 0) {
        if (picture.width <= picture.height) return {shorter, scaled(picture.height, shorter, picture.width)};
        return {scaled(picture.width, shorter, picture.height), shorter};
    }
    const bool wide = std::int64_t{picture.width} * want.height > std::int64_t{picture.height} * want.width;
    if (wide) return {std::max(want.width, scaled(picture.width, want.height, picture.height)), want.height};
    return {want.width, std::max(want.height, scaled(picture.height, want.width, picture.width))};
}

// Halves round to even, as in torchvision's CenterCrop.
int middle(int whole, int part) {
    return static_cast<int>(std::nearbyint((whole - part) / 2.0));
}

Picture fit(const Picture& picture, const Size& want, const ImageFlags& flags, std::vector<std::string>& notes) {
    if (flags.fit == "stretch") {
        if (flags.resize > 0) throw UsageError("--resize goes with --fit crop; --fit stretch fills the model's size");
        if (picture.width != want.width || picture.height != want.height)
            notes.push_back(text("stretched to ", size_text(want)));
        return resized(picture, want.width, want.height);
    }
    const Size whole = size_before_crop(picture, want, flags.resize);
    if (whole.width < want.width || whole.height < want.height) {
        throw UsageError(text("--resize ", flags.resize, ": ", size_text(whole), " is less than the ", size_text(want),
                              " that the model takes"));
    }
    if (std::int64_t{whole.width} * whole.height > kMostPixels)
        throw UsageError(text("the picture is ", picture.width, "x", picture.height, " and would be resized to ",
                              size_text(whole), " before ", size_text(want),
                              " are cut out; use --fit stretch, or cut it first"));
    if (whole != Size{picture.width, picture.height}) notes.push_back(text("resized to ", size_text(whole)));
    if (whole != want) notes.push_back(text("the middle ", size_text(want), " cut out"));
    return cropped(resized(picture, whole.width, whole.height), middle(whole.width, want.width),
                   middle(whole.height, want.height), want.width, want.height);
}

std::vector<double> per_channel(const std::string& list, int channels, double otherwise, std::string_view flag) {
    if (list.empty()) return std::vector<double>(static_cast<std::size_t>(channels), otherwise);
    auto out = numbers(list, flag);
    if (out.size() == 1) out.resize(static_cast<std::size_t>(channels), out[0]);
    if (static_cast<int>(out.size()) != channels)
        throw UsageError(text(flag, ": ", out.size(), " numbers for ", counted(channels, "channel")));
    return out;
}

std::string list_text(const std::vector<double>& values) {
    std::vector<std::string> out;
    for (const double value : values)
        out.push_back(number(value, 6));
    return joined(out, " ");
}

// (value * range / 255 - mean) / deviation, in the layout's order.
tensor::Tensor scaled(const ValueInfo& input, const Dims& dims, const Layout& layout, const Picture& picture,
                      const ImageFlags& flags, std::vector<std::string>& notes) {
    const auto element = input.element.value_or(tensor::ElementType::f32);
    const double range = flags.range > 0 ? flags.range : tensor::is_floating(element) ? 1 : 255;
    const auto mean = per_channel(flags.mean, picture.channels, 0, "--mean");
    const auto deviation = per_channel(flags.deviation, picture.channels, 1, "--std");
    for (const double value : deviation) {
        if (value == 0) throw UsageError("--std: 0 cannot be divided by");
    }
    notes.push_back("0..255 becomes 0.." + number(range, 6));
    if (!flags.mean.empty()) notes.push_back("minus mean " + list_text(mean));
    if (!flags.deviation.empty()) notes.push_back("divided by std " + list_text(deviation));

    std::vector<std::int64_t> shape(dims.size(), 1);
    shape[static_cast<std::size_t>(layout.row)] = picture.height;
    shape[static_cast<std::size_t>(layout.column)] = picture.width;
    if (layout.channel != kNone) shape[static_cast<std::size_t>(layout.channel)] = picture.channels;
    const bool planes = layout.channel != kNone && layout.channel < layout.row;
    std::vector<double> values(picture.values.size());
    std::size_t next = 0;
    const auto value = [&](int x, int y, int c) {
        const auto channel = static_cast<std::size_t>(c);
        const int from = flags.bgr && c < 3 ? 2 - c : c;
        return (picture.at(x, y, from) * range / 255 - mean[channel]) / deviation[channel];
    };
    for (int plane = 0; plane < (planes ? picture.channels : 1); ++plane) {
        for (int y = 0; y < picture.height; ++y) {
            for (int x = 0; x < picture.width; ++x) {
                for (int c = 0; c < (planes ? 1 : picture.channels); ++c)
                    values[next++] = value(x, y, planes ? plane : c);
            }
        }
    }
    return tensor::from_doubles(element, tensor::Shape(std::move(shape)), values);
}

}  // namespace

ImageInput image_input(const ValueInfo& input, const Dims& dims, Picture picture, const ImageFlags& flags) {
    ImageInput out;
    const Layout layout = layout_of(input, dims, flags.layout);
    const auto extent = [&](int axis) { return axis == kNone ? Dim{1, ""} : dims[static_cast<std::size_t>(axis)]; };
    if (extent(layout.batch).size > 1)
        base::fail(Code::unsupported, shape_text(input), " takes ", extent(layout.batch).size,
                   " pictures at once; give them as a .npy file");
    const int channels = channels_for(input, dims, layout, picture);
    if (flags.bgr && channels < 3) throw UsageError("--bgr: " + shape_text(input) + " takes no colours");
    out.notes.push_back(text(picture.width, "x", picture.height, " ", channel_name(picture.channels),
                             picture.was_16_bit ? ", 16 bits cut to 8" : ""));
    if (picture.channels != channels)
        out.notes.push_back(
            text("made ", channel_name(channels), picture.channels % 2 == 0 && channels < 4 ? ", alpha left out" : ""));
    picture = with_channels(std::move(picture), channels);
    Size want{picture.width, picture.height};
    if (extent(layout.row).known()) want.height = base::narrow<int>(extent(layout.row).size, "height");
    if (extent(layout.column).known()) want.width = base::narrow<int>(extent(layout.column).size, "width");
    if (want.width < 1 || want.height < 1) base::fail(Code::unsupported, shape_text(input), " holds no pixels");
    picture = fit(picture, want, flags, out.notes);
    out.tensor = scaled(input, dims, layout, picture, flags, out.notes);
    out.notes.push_back(layout.name + (flags.bgr ? ", blue first" : "") +
                        (layout.guessed ? " (a guess, --layout nhwc is the other)" : ""));
    return out;
}

}  // namespace shoal::cli
