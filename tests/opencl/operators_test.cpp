// Every operator's kernel against its reference loop, and small networks optimised against themselves unoptimised.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "optimize/optimize.hpp"
#include "runtime/host_backend.hpp"
#include "support/compare.hpp"
#include "support/device_under_test.hpp"
#include "support/networks.hpp"
#include "support/samples.hpp"

using namespace shoal;

namespace {

// The samples side by side in one graph, since one program compiles faster than many.
graph::Graph side_by_side(const std::vector<test::Sample>& samples) {
    graph::Graph out;
    for (std::size_t n = 0; n < samples.size(); ++n) {
        const graph::Graph& from = samples[n].graph;
        const auto offset = static_cast<graph::ValueId>(out.values.size());
        const auto moved = [&](graph::ValueId id) { return id == graph::kNoValue ? id : id + offset; };
        for (auto value : from.values) {
            value.name = base::text(n, ' ', value.name);
            out.values.push_back(std::move(value));
        }
        for (graph::Op op : from.ops) {
            for (auto& id : op.inputs)
                id = moved(id);
            for (auto& id : op.outputs)
                id = moved(id);
            op.group = static_cast<std::uint32_t>(n);
            out.ops.push_back(std::move(op));
        }
        for (const auto& port : from.inputs)
            out.inputs.push_back({base::text(n, ' ', port.name), moved(port.value)});
        for (const auto& port : from.outputs)
            out.outputs.push_back({base::text(n, ' ', port.name), moved(port.value)});
    }
    graph::validate(out);
    return out;
}

}  // namespace

TEST_CASE("every operator gives what its reference gives") {
    SHOAL_NEEDS_DEVICE(any_device);
    const auto backend = test::device_under_test(opencl::Dispatch::separate);
    const auto host = runtime::make_host_backend();
    auto random = test::generator();
    auto samples = test::operator_samples();
    const auto is_f64 = [](const test::Sample& sample) { return sample.name.find("f64") != std::string::npos; };
    if (!backend->device().fp64) samples.erase(std::remove_if(samples.begin(), samples.end(), is_f64), samples.end());
    std::vector<tensor::Tensor> inputs;
    for (const auto& sample : samples) {
        for (auto& input : sample.inputs(random))
            inputs.push_back(std::move(input));
    }
    const auto graph = side_by_side(samples);
    const auto got = runtime::run_on_host_tensors(*backend, *backend->compile(graph), inputs);
    const auto want = runtime::run_on_host_tensors(*host, *host->compile(graph), inputs);
    REQUIRE(got.size() == want.size());
    std::size_t next = 0;
    for (const auto& sample : samples) {
        CAPTURE(sample.name);
        const bool half = sample.name.find("f16") != std::string::npos;
        for (std::size_t i = 0; i < sample.graph.outputs.size(); ++i, ++next) {
            CHECK_EQ(test::difference(got[next], want[next],
                                      half ? test::Tolerance{1e-2, 1e-3} : test::Tolerance{2e-5, 2e-6}),
                     "");
        }
    }
    CHECK(next > 150);
}

TEST_CASE("networks give the same results optimised on the device as plain on the host") {
    SHOAL_NEEDS_DEVICE(any_device);
    const auto host = runtime::make_host_backend();
    auto random = test::generator();
    for (const auto dispatch : {opencl::Dispatch::separate, opencl::Dispatch::automatic}) {
        const auto backend = test::device_under_test(dispatch);
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
