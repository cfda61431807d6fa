#include "opencl/sub_device.hpp"

#include <doctest/doctest.h>

#include <optional>

#include "graph/builder.hpp"
#include "opencl/backend.hpp"
#include "support/opencl.hpp"

using namespace shoal;

namespace {

// The first device whose driver splits it, by trying.
std::optional<opencl::FoundDevice> splitting_device_or_skip() {
    for (const auto& found : opencl::discover().devices) {
        if (found.info.compute_units < 2) continue;
        try {
            (void)opencl::limit_threads(found, 1);
            return found;
        } catch (const base::Error& error) {
            CHECK(error.code() == base::Code::unsupported);
            CHECK(std::string(error.what()).find("instead") != std::string::npos);
        }
    }
    MESSAGE("skipped, no OpenCL device that its driver splits");
    return std::nullopt;
}

int units_of(cl_device_id device) {
    return static_cast<int>(opencl::device_number<cl_uint>(device, CL_DEVICE_MAX_COMPUTE_UNITS).value_or(0));
}

}  // namespace

TEST_CASE("a device is split into parts that together are the whole") {
    const auto device = splitting_device_or_skip();
    if (!device) return;
    const int units = device->info.compute_units;
    for (const int shares : {1, 2, units}) {
        int total = 0;
        for (int index = 0; index < shares; ++index) {
            const auto part = opencl::share_of(*device, index, shares);
            CHECK(units_of(part.found.handle) == part.found.info.compute_units);
            total += part.found.info.compute_units;
            const auto context = opencl::make_context(part.found.handle);
            const auto queue = opencl::make_queue(context.get(), part.found.handle);
            CHECK(queue != nullptr);
        }
        CHECK(total == units);
    }
}

TEST_CASE("all parts at once have ids of their own, and a cap of their own") {
    const auto device = splitting_device_or_skip();
    if (!device) return;
    const auto parts = opencl::parts_of(*device, 2);
    REQUIRE(parts.size() == 2);
    CHECK(parts[0].found.info.id == device->info.id + "/1");
    CHECK(parts[1].found.info.id == device->info.id + "/2");
    CHECK(parts[0].found.info.compute_units + parts[1].found.info.compute_units == device->info.compute_units);
    for (const auto& part : opencl::parts_of(*device, 2, 1))
        CHECK(part.found.info.compute_units == 1);
    const auto whole = opencl::parts_of(*device, 1);
    REQUIRE(whole.size() == 1);
    CHECK(whole[0].found.info == device->info);
    CHECK_THROWS_AS((void)opencl::parts_of(*device, device->info.compute_units + 1), base::Error);
    CHECK_THROWS_AS((void)opencl::parts_of(*device, 2, -1), base::Error);
}

TEST_CASE("a backend outlives the part that it was made from") {
    const auto device = splitting_device_or_skip();
    if (!device) return;
    const auto backend = opencl::make_backend(opencl::limit_threads(*device, 1).found);
    const auto there = tensor::Tensor::of<float>({3}, {1, 2, 3});
    CHECK(tensor::to_doubles(backend->upload(there)->read()) == std::vector<double>{1, 2, 3});
}

TEST_CASE("a cap on threads") {
    const auto device = splitting_device_or_skip();
    if (!device) return;
    CHECK(opencl::limit_threads(*device, 1).found.info.compute_units == 1);
    const auto whole = opencl::limit_threads(*device, 1000);
    CHECK(whole.found.handle == device->handle);
    CHECK(whole.owner == nullptr);
    CHECK(whole.found.info == device->info);
}

TEST_CASE("a backend on a part of a device keeps the part when its owner goes") {
    const auto device = splitting_device_or_skip();
    if (!device) return;
    std::shared_ptr<runtime::Backend> backend;
    {
        const auto part = opencl::limit_threads(*device, 1);
        backend = opencl::make_backend(part.found);
    }
    CHECK(backend->measure_rates().measured());
    graph::Builder builder("sum");
    const auto x = builder.input("x", {tensor::ElementType::f32, {3}});
    builder.output("y", builder.map("add", {x, x}));
    const std::vector<tensor::Tensor> inputs{tensor::Tensor::of<float>({3}, {1, 2, 3})};
    const auto got = runtime::run_on_host_tensors(*backend, *backend->compile(builder.finish()), inputs);
    CHECK(got.at(0).as<float>()[2] == 6);
}

TEST_CASE("parts that are not there are refused") {
    const auto device = test::device_or_skip();
    if (!device) return;
    const int units = device->info.compute_units;
    for (const auto& [first, count] : {std::pair{-1, 1}, {0, 0}, {0, units + 1}, {units, 1}, {1, units}})
        CHECK_THROWS_AS((void)opencl::sub_device(*device, first, count), base::Error);
    CHECK_THROWS_AS((void)opencl::limit_threads(*device, 0), base::Error);
    for (const auto& [index, shares] : {std::pair{-1, 1}, {1, 1}, {0, 0}, {0, units + 1}})
        CHECK_THROWS_AS((void)opencl::share_of(*device, index, shares), base::Error);
}
