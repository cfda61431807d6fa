// Every operator's kernel against its reference loop, and small networks optimised against themselves unoptimised.
#include <doctest/doctest.h>

#include "runtime/host_backend.hpp"
#include "support/compare.hpp"
#include "support/device_under_test.hpp"
#include "support/samples.hpp"

using namespace shoal;

TEST_CASE("every operator gives what its reference gives") {
    SHOAL_NEEDS_DEVICE(backend);
    const auto host = runtime::make_host_backend();
    auto random = test::generator();
    int ran = 0;
    for (const auto& sample : test::operator_samples()) {
        CAPTURE(sample.name);
        const auto inputs = sample.inputs(random);
        std::unique_ptr<runtime::Executable> executable;
        try {
            executable = backend->compile(sample.graph);
        } catch (const base::Error& error) {
            if (error.code() == base::Code::unsupported && !backend->device().fp64) continue;
            FAIL_CHECK(error.what());
            continue;
        }
        const auto got = runtime::run_on_host_tensors(*backend, *executable, inputs);
        const auto want = runtime::run_on_host_tensors(*host, *host->compile(sample.graph), inputs);
        REQUIRE(got.size() == want.size());
        const bool half = sample.name.find("f16") != std::string::npos;
        for (std::size_t i = 0; i < got.size(); ++i) {
            CHECK_EQ(
                test::difference(got[i], want[i], half ? test::Tolerance{1e-2, 1e-3} : test::Tolerance{2e-5, 2e-6}),
                "");
        }
        ++ran;
    }
    CHECK(ran > 100);
}
