#include "local/shared_devices.hpp"

#include <doctest/doctest.h>

#include <atomic>

#include "graph/builder.hpp"
#include "support/errors.hpp"
#include "support/random.hpp"
#include "support/staged_device.hpp"
#include "support/temporary_folder.hpp"

using namespace shoal;
using namespace shoal::test;
using base::Code;
using tensor::ElementType;
using tensor::Tensor;
using Tensors = std::vector<Tensor>;
using GraphPtr = std::shared_ptr<const graph::Graph>;

namespace {

constexpr std::int64_t kBatch = 8, kWidth = 32;

GraphPtr perceptron() {
    auto random = generator();
    graph::Builder builder("perceptron");
    auto x = builder.input("x", {ElementType::f32, {kBatch, kWidth}});
    for (int layer = 0; layer < 4; ++layer) {
        const auto weights = builder.constant(random_tensor(random, {ElementType::f32, {kWidth, kWidth}}, -0.2, 0.2));
        x = builder.map("relu", {builder.matmul(x, weights)});
    }
    builder.output("y", x);
    auto graph = builder.finish();
    for (std::uint32_t i = 0; i < graph.ops.size(); ++i)
        graph.ops[i].group = i / 2;
    graph::unique_names(graph);
    return std::make_shared<const graph::Graph>(std::move(graph));
}

Tensors on_the_host(const graph::Graph& graph, const Tensors& inputs) {
    const auto backend = runtime::make_host_backend();
    const auto executable = backend->compile(graph);
    return runtime::run_on_host_tensors(*backend, *executable, inputs);
}

bool equal(const Tensors& got, const Tensors& want) {
    return std::equal(got.begin(), got.end(), want.begin(), want.end(), [](const auto& a, const auto& b) {
        return a.type() == b.type() && std::ranges::equal(a.bytes(), b.bytes());
    });
}

struct Two {
    explicit Two(StagedDevice::Hold hold = {}, std::uint64_t memory_limit_bytes = 0) {
        local::SharingOptions options;
        options.cache_folder = folder.path() / "devices";
        options.memory_limit_bytes = memory_limit_bytes;
        client = local::share_devices({std::make_shared<StagedDevice>("1", hold), std::make_shared<StagedDevice>("2")},
                                      options);
    }
    TemporaryFolder folder;
    std::shared_ptr<client::Client> client;
};

base::TimePoint soon() {
    return base::deadline_in(std::chrono::seconds(60));
}

}  // namespace

TEST_CASE("two devices answer as one does, whatever the plan") {
    const Two two;
    const auto graph = perceptron();
    auto random = generator();
    const Tensors inputs{random_tensor(random, {ElementType::f32, {kBatch, kWidth}})};
    const auto want = on_the_host(*graph, inputs);
    using plan::Mode;
    for (const auto mode : {Mode::best, Mode::equal_split, Mode::replicas, Mode::batch}) {
        CAPTURE(plan::name(mode));
        client::OpenOptions options;
        options.mode = mode;
        options.objective = mode == Mode::replicas ? plan::Objective::throughput : plan::Objective::latency;
        const auto model = two.client->open({{"perceptron", graph}}, options);
        for (const auto& board : model.boards())
            CHECK(board.rfind("here:", 0) == 0);
        if (mode != Mode::best) CHECK(plan::leaves(model.plan().root).size() == 2);
        CHECK(equal(model.run(inputs, soon()), want));
    }
}

TEST_CASE("weights lie on the disk once") {
    const Two two;
    const auto graph = perceptron();
    const auto model = two.client->open({{"perceptron", graph}});
    std::uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(two.folder.path())) {
        if (entry.is_regular_file() && entry.path().parent_path().filename() == "blobs") bytes += entry.file_size();
    }
    std::uint64_t constants = 0;
    for (const auto& value : graph->values)
        constants += value.constant ? value.type.size_bytes() : 0;
    CHECK(bytes == constants);
}

TEST_CASE("a model that does not fit is refused with both numbers") {
    const Two two({}, 20'000);
    const auto said = error_of([&] { static_cast<void>(two.client->open({{"perceptron", perceptron()}})); });
    CHECK_MESSAGE(says(said, "KiB"), said);
    CHECK_MESSAGE(says(said, "here:"), said);
    CHECK(code_of([&] { static_cast<void>(two.client->open({{"perceptron", perceptron()}})); }) == Code::does_not_fit);
}

TEST_CASE("no device, or one that nobody waits for") {
    const TemporaryFolder folder;
    local::SharingOptions options;
    options.cache_folder = folder.path() / "devices";
    CHECK(code_of([&] { static_cast<void>(local::share_devices({}, options)); }) == Code::invalid_argument);
    options.cancelled = [] { return true; };
    const auto host = [] { return std::make_shared<StagedDevice>("1"); };
    CHECK(code_of([&] { static_cast<void>(local::share_devices({host()}, options)); }) == Code::cancelled);
}

TEST_CASE("a device that fails is told, with its words, by the request's deadline") {
    const auto fail = []() -> std::shared_ptr<void> { throw base::Error(Code::device, "it burns"); };
    const Two two(fail);
    const auto graph = perceptron();
    client::OpenOptions options;
    options.mode = plan::Mode::batch;  // both are needed
    const auto model = two.client->open({{"perceptron", graph}}, options);
    auto random = generator();
    const Tensors inputs{random_tensor(random, {ElementType::f32, {kBatch, kWidth}})};
    const auto deadline = base::deadline_in(std::chrono::seconds(2));
    const auto said = error_of([&] { static_cast<void>(model.run(inputs, deadline)); });
    CHECK_MESSAGE(says(said, "it burns"), said);
}
