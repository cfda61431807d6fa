// Every operator's kernel against its reference loop, and small networks optimised against themselves unoptimised.
#include <doctest/doctest.h>

#include <map>

#include "optimize/optimize.hpp"
#include "runtime/host_backend.hpp"
#include "support/compare.hpp"
#include "support/device_under_test.hpp"
#include "support/networks.hpp"
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
            FAIL_CHECK(std::string(error.what()));
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

TEST_CASE("networks give the same results optimised on the device as plain on the host") {
    SHOAL_NEEDS_DEVICE(backend);
    const auto host = runtime::make_host_backend();
    auto random = test::generator();
    for (const auto& network : test::networks()) {
        CAPTURE(network.name);
        const auto inputs = network.inputs(random);
        const auto executable = backend->compile(optimize::optimize(network.graph));
        const auto want = runtime::run_on_host_tensors(*host, *host->compile(network.graph), inputs);
        for (int again = 0; again < 2; ++again) {
            const auto got = runtime::run_on_host_tensors(*backend, *executable, inputs);
            CHECK_EQ(test::difference(got.at(0), want.at(0), {1e-4, 1e-5}), "");
        }
    }
}

TEST_CASE("a cut network gives the same bytes as the whole") {
    SHOAL_NEEDS_DEVICE(backend);
    auto random = test::generator();
    for (const auto& network : test::networks()) {
        CAPTURE(network.name);
        const auto inputs = network.inputs(random);
        const graph::Graph whole = optimize::optimize(network.graph);
        const auto want = runtime::run_on_host_tensors(*backend, *backend->compile(whole), inputs);
        const auto groups = graph::groups(whole);
        for (std::size_t cut = 1; cut < groups.size(); ++cut) {
            std::map<std::string, tensor::Tensor> values;
            for (std::size_t i = 0; i < inputs.size(); ++i)
                values[whole.value(whole.inputs[i].value).name] = inputs[i];
            const graph::Graph parts[] = {
                graph::extract(whole, 0, groups[cut].first),
                graph::extract(whole, groups[cut].first, static_cast<std::uint32_t>(whole.ops.size()))};
            for (const auto& part : parts) {
                graph::validate(part);
                std::vector<tensor::Tensor> given;
                for (const auto& port : part.inputs)
                    given.push_back(values.at(port.name));
                const auto results = runtime::run_on_host_tensors(*backend, *backend->compile(part), given);
                for (std::size_t i = 0; i < results.size(); ++i)
                    values[part.outputs[i].name] = results[i];
            }
            CHECK_EQ(test::difference(values.at(whole.value(whole.outputs[0].value).name), want.at(0)), "");
        }
    }
}
