#include "opencl/rates.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "opencl/sub_device.hpp"
#include "support/opencl.hpp"
#include "support/temporary_folder.hpp"

using namespace shoal;

namespace {

void check_plausible(const device::Rates& rates) {
    for (const double value : {rates.flops_per_s, rates.bytes_per_s, rates.round_trip_s}) {
        CHECK(std::isfinite(value));
        CHECK(value > 0);
    }
    CHECK(rates.launch_s >= 0);
    CHECK(rates.flops_per_s < 1e16);
    CHECK(rates.bytes_per_s < 1e14);
    CHECK(rates.round_trip_s < 10);
}

}  // namespace

TEST_CASE("rates are measured once and remembered") {
    const auto device = test::device_or_skip();
    if (!device) return;
    const test::TemporaryFolder folder;
    opencl::RatesOptions options;
    options.folder = folder / "rates";
    options.program.cache_folder = folder / "programs";
    const auto first = opencl::rates_of(*device, options);
    check_plausible(first);
    REQUIRE(std::distance(std::filesystem::directory_iterator(options.folder), {}) == 1);
    const auto file = std::filesystem::directory_iterator(options.folder)->path();
    CHECK(opencl::rates_of(*device, options) == first);

    SUBCASE("asked again, they are measured again") {
        const auto written = std::filesystem::last_write_time(file);
        options.measure_again = true;
        check_plausible(opencl::rates_of(*device, options));
        CHECK(std::filesystem::last_write_time(file) > written);
    }
    SUBCASE("too old, or from the future, they are measured again") {
        for (const auto hours : {-24 * 31, 48}) {
            const auto then = std::filesystem::file_time_type::clock::now() + std::chrono::hours(hours);
            std::filesystem::last_write_time(file, then);
            (void)opencl::rates_of(*device, options);
            CHECK(std::filesystem::last_write_time(file) != then);
        }
    }
    SUBCASE("a damaged memory is measured again") {
        for (const char* text : {"", "shoal rates 1\n", "shoal rates 1\nsomebody else\n1 2 3 4\n", "\xff\xfe"}) {
            folder.write(std::filesystem::path("rates") / file.filename(), text);
            check_plausible(opencl::rates_of(*device, options));
        }
    }
    SUBCASE("a part of the device has rates of its own") {
        if (device->info.compute_units < 2 || device->info.kind != device::Kind::cpu) return;
        try {
            const auto part = opencl::limit_threads(*device, 1);
            check_plausible(opencl::rates_of(part.found, options));
            CHECK(std::distance(std::filesystem::directory_iterator(options.folder), {}) == 2);
        } catch (const base::Error& error) {
            CHECK(error.code() == base::Code::unsupported);  // a driver that does not split its device
        }
    }
}
