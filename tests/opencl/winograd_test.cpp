// How far Winograd's algorithm is from the sum it stands for: the bound that docs/devices.md states.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "graph/builder.hpp"
#include "graph/cards.hpp"
#include "opencl/backend.hpp"
#include "opencl/executable.hpp"
#include "opencl/tune.hpp"
#include "support/device_under_test.hpp"
#include "support/random.hpp"

using namespace shoal;
using tensor::ElementType;
using tensor::Shape;
using tensor::Type;

namespace {

// Of the largest sum of magnitudes.
double bound(std::int64_t channels) {
    return (24.0 + static_cast<double>(channels) / 16) * 0x1p-24;
}
constexpr std::int64_t kHeight = 11, kWidth = 14, kOutputs = 48;

graph::Graph convolution(std::int64_t channels, const tensor::Tensor& weights) {
    graph::Builder builder("winograd");
    const auto x = builder.input("x", {ElementType::f32, Shape{1, kHeight, kWidth, channels}});
    graph::Attrs attrs{{"strides", graph::Ints{1, 1}},
                       {"dilations", graph::Ints{1, 1}},
                       {"pads_begin", graph::Ints{1, 1}},
                       {"pads_end", graph::Ints{1, 1}},
                       {"groups", std::int64_t{1}}};
    builder.output("y", builder.add(graph::cards::conv, {x, builder.constant(weights)}, std::move(attrs))[0]);
    return builder.finish();
}

// Element (y, x, o) of the convolution in double, and the sum of its terms' magnitudes.
struct Sum {
    double value = 0, magnitude = 0;
};
Sum sum_at(const std::vector<double>& in, const std::vector<double>& weights, std::int64_t channels, std::int64_t y,
           std::int64_t x, std::int64_t o) {
    Sum out;
    for (std::int64_t v = 0; v < 3; ++v) {
        for (std::int64_t u = 0; u < 3; ++u) {
            const std::int64_t row = y + v - 1, column = x + u - 1;
            if (row < 0 || row >= kHeight || column < 0 || column >= kWidth) continue;
            for (std::int64_t c = 0; c < channels; ++c) {
                const double term = in[static_cast<std::size_t>((row * kWidth + column) * channels + c)] *
                                    weights[static_cast<std::size_t>(((o * 3 + v) * 3 + u) * channels + c)];
                out.value += term;
                out.magnitude += std::abs(term);
            }
        }
    }
    return out;
}

}  // namespace

TEST_CASE("Winograd's algorithm stays within its bound, whatever the number of channels and the sign of the terms") {
    SHOAL_NEEDS_DEVICE(backend);
    auto random = test::generator();
    for (const double least : {-1.0, 0.0}) {  // terms that cancel, and terms that do not
        for (const std::int64_t channels : {16, 67, 256, 640}) {
            CAPTURE(channels);
            const auto weights = test::random_tensor(random, {ElementType::f32, Shape{kOutputs, 3, 3, channels}}, least, 1);
            const Type type{ElementType::f32, Shape{1, kHeight, kWidth, channels}};
            const auto input = test::random_tensor(random, type, least, 1);
            const auto graph = convolution(channels, weights);
            const auto names = opencl::variants(*backend, graph, {0, 1});
            if (std::find(names.begin(), names.end(), "winograd") == names.end()) continue;
            const auto executable = opencl::make_executable(opencl::open_device_of(*backend), graph, std::vector<std::string>{"winograd"});
            const auto got =
                tensor::to_doubles(runtime::run_on_host_tensors(*backend, *executable, std::vector{input}).at(0));
            const auto in = tensor::to_doubles(input), w = tensor::to_doubles(weights);
            double error = 0, magnitude = 0;
            for (std::size_t i = 0; i < got.size(); ++i) {
                const auto at = static_cast<std::int64_t>(i);
                const Sum sum = sum_at(in, w, channels, at / (kWidth * kOutputs), at / kOutputs % kWidth, at % kOutputs);
                error = std::max(error, std::abs(got[i] - sum.value));
                magnitude = std::max(magnitude, sum.magnitude);
            }
            MESSAGE(channels, " channels: ", error / magnitude * 0x1p24, " * 2^-24 of the sum of magnitudes");
            CHECK(error <= bound(channels) * magnitude);
        }
    }
}
