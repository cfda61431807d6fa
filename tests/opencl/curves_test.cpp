// The functions that kernels have of their own, against double.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "graph/builder.hpp"
#include "runtime/host_backend.hpp"
#include "support/device_under_test.hpp"

using namespace shoal;

namespace {

std::vector<float> points() {
    std::vector<float> out{0,
                           -0.0F,
                           std::numeric_limits<float>::infinity(),
                           -std::numeric_limits<float>::infinity(),
                           std::numeric_limits<float>::quiet_NaN(),
                           std::numeric_limits<float>::denorm_min()};
    for (float x = 1e-30F; x < 1; x *= 3)
        out.insert(out.end(), {x, -x});
    for (float x = -12; x < 12; x += 0.0173F)
        out.push_back(x);
    return out;
}

float largest_error(const std::string& fn, double (*exact)(double)) {
    const auto xs = points();
    graph::Builder builder;
    const tensor::Type type{tensor::ElementType::f32, {static_cast<std::int64_t>(xs.size())}};
    builder.output("y", builder.map(fn, {builder.input("x", type)}));
    const auto backend = test::device_under_test();
    tensor::Tensor x(type);
    std::copy(xs.begin(), xs.end(), x.edit_as<float>().begin());
    const auto y = runtime::run_on_host_tensors(*backend, *backend->compile(builder.finish()), std::vector{x}).at(0);
    float worst = 0;  // in units in the last place of the exact value
    for (std::size_t i = 0; i < xs.size(); ++i) {
        const float got = y.as<float>()[i];
        const double want = exact(static_cast<double>(xs[i]));
        CAPTURE(xs[i]);
        CHECK(std::isnan(got) == std::isnan(want));
        if (std::isnan(want)) continue;
        CHECK(std::abs(got) <= 1);
        if (std::abs(xs[i]) > 10) CHECK(std::abs(got) == 1);  // what multiplies 1 - y with a large number relies on it
        const auto nearest = std::abs(static_cast<float>(want));
        const float ulp = std::nextafter(nearest, 2.0F) - nearest;
        worst = std::max(worst, static_cast<float>(std::abs(static_cast<double>(got) - want)) / ulp);
    }
    return worst;
}

}  // namespace

TEST_CASE("erf and tanh are exact to a few units in the last place, and NaN and infinities go through") {
    SHOAL_NEEDS_DEVICE(any_device);
    CHECK(largest_error("erf", [](double x) { return std::erf(x); }) <= 8);
    CHECK(largest_error("tanh", [](double x) { return std::tanh(x); }) <= 6);
}
