#include "session/remote_backend.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "../client/fake_hub.hpp"
#include "runtime/host_backend.hpp"
#include "session/session.hpp"
#include "support/errors.hpp"
#include "support/model_maker.hpp"
#include "support/random.hpp"

using namespace shoal;
using base::Code;
using session::Inputs;
using session::Session;
using std::chrono::milliseconds;
using std::chrono::seconds;
using tensor::ElementType;
using tensor::Tensor;
using test::FakeHub;

namespace {

// x [N, 5] times weights, then relu.
importer::Model model() {
    auto random = test::generator();
    test::ModelMaker maker;
    maker.graph()
        .input("x", ElementType::f32, {std::string("N"), std::int64_t{5}})
        .initialiser("w", test::random_tensor(random, {ElementType::f32, {5, 7}}))
        .op("MatMul", {"x", "w"}, {"h"})
        .op("Relu", {"h"}, {"y"})
        .output("y");
    return maker.model();
}

Inputs inputs(std::int64_t rows, unsigned salt = 0) {
    std::mt19937 random(test::seed() + salt);
    return {{"x", test::random_tensor(random, {ElementType::f32, {rows, 5}})}};
}

bool same(const session::Outputs& got, const session::Outputs& want) {
    return std::ranges::equal(got, want, [](const auto& a, const auto& b) {
        return a.first == b.first && a.second.type() == b.second.type() &&
               std::ranges::equal(a.second.bytes(), b.second.bytes());
    });
}

struct Cluster {
    explicit Cluster(const FakeHub::Ways& ways = {}) : hub(network, ways) {
        client::ClientOptions options;
        options.hub_endpoint = FakeHub::kEndpoint;
        backend = session::make_remote_backend(
            std::make_shared<client::Client>(options, transport::make_in_process_port(network)));
    }

    std::shared_ptr<transport::InProcessNetwork> network = transport::make_in_process_network();
    FakeHub hub;
    std::shared_ptr<runtime::Backend> backend;
};

}  // namespace

TEST_CASE("A session runs a model through a hub by the same calls") {
    Cluster cluster;
    CHECK(cluster.backend->device().name == "fake 1.2.3");
    Session remote(model(), cluster.backend), local(model(), runtime::make_host_backend());
    for (const std::int64_t rows : {1, 3, 13, 1, 3})
        CHECK(same(remote.run(inputs(rows)), local.run(inputs(rows))));
    CHECK(cluster.hub.seen().opens == 3);
    CHECK(cluster.hub.seen().submits == 5);
    CHECK(test::code_of([&] { (void)remote.last_run().at(0)->profile(1); }) == Code::unsupported);
}

TEST_CASE("Submitted runs are in flight together, here and through a hub") {
    Cluster cluster;
    for (const auto& backend : {cluster.backend, runtime::make_host_backend()}) {
        Session session(model(), backend), local(model(), runtime::make_host_backend());
        std::vector<std::future<session::Outputs>> runs;
        for (unsigned i = 0; i < 40; ++i)
            runs.push_back(session.start(inputs(3, i)));
        for (unsigned i = 0; i < 40; ++i)
            CHECK(same(runs[i].get(), local.run(inputs(3, i))));
        if (backend == cluster.backend) CHECK(cluster.hub.seen().opens == 1);
        std::promise<session::Finished> wrong;
        session.submit({{"z", Tensor()}}, {}, [&](session::Finished run) { wrong.set_value(std::move(run)); });
        CHECK(wrong.get_future().get().error->code() == Code::invalid_argument);
    }
}

TEST_CASE("What could not be opened is tried again by the next run") {
    FakeHub::Ways ways;
    ways.refuse_open = base::Error(Code::unavailable, "no board has joined");
    Cluster cluster(ways);
    Session session(model(), cluster.backend), local(model(), runtime::make_host_backend());
    CHECK(test::code_of([&] { (void)session.run(inputs(3)); }) == Code::unavailable);
    cluster.hub.set({});
    CHECK(same(session.run(inputs(3)), local.run(inputs(3))));
}

TEST_CASE("A remote run keeps its deadline and can be taken back") {
    FakeHub::Ways ways;
    ways.hold = true;
    Cluster cluster(ways);
    Session session(model(), cluster.backend);
    runtime::RunOptions options;
    options.deadline = base::deadline_in(milliseconds(300));
    CHECK(test::code_of([&] { (void)session.run(inputs(3), options); }) == Code::timeout);
    options.deadline.reset();
    auto run = session.start(inputs(3), options);
    REQUIRE(cluster.hub.wait_for([](const auto& seen) { return seen.submits == 2; }));
    options.cancellation.cancel();
    CHECK(test::code_of([&] { (void)run.get(); }) == Code::cancelled);
    CHECK(cluster.hub.wait_for([](const auto& seen) { return seen.cancels == 2; }));
}

TEST_CASE("A full hub is asked again, or told to those who want to know") {
    Cluster cluster;
    Session session(model(), cluster.backend), local(model(), runtime::make_host_backend());
    session.prepare({{"x", {ElementType::f32, {3, 5}}}});
    FakeHub::Ways ways;
    ways.busy = 3;
    cluster.hub.set(ways);
    runtime::RunOptions options;
    options.tell_busy = true;
    CHECK(test::code_of([&] { (void)session.run(inputs(3), options); }) == Code::busy);
    CHECK(test::code_of([&] { (void)session.start(inputs(3), options).get(); }) == Code::busy);
    CHECK(same(session.run(inputs(3)), local.run(inputs(3))));
    CHECK(cluster.hub.seen().submits == 4);
}

TEST_CASE("A run keeps its deadline and can be taken back while its model opens, which goes on for the next") {
    FakeHub::Ways ways;
    ways.hold_open = true;
    Cluster cluster(ways);
    Session session(model(), cluster.backend), local(model(), runtime::make_host_backend());
    runtime::RunOptions first, hurried;
    auto opening = session.start(inputs(3), first);
    auto patient = session.start(inputs(3, 1));
    REQUIRE(cluster.hub.wait_for([](const auto& seen) { return seen.weight_bytes == 5 * 7 * sizeof(float); }));
    for (int times = 0; times < 3; ++times) {
        hurried.deadline = base::deadline_in(milliseconds(30));
        CHECK(test::code_of([&] { (void)session.run(inputs(3), hurried); }) == Code::timeout);
    }
    first.cancellation.cancel();
    CHECK(test::code_of([&] { (void)opening.get(); }) == Code::cancelled);
    CHECK(cluster.hub.seen().opens == 1);
    cluster.hub.say(wire::encode(wire::Opened{1, 101, 3, {}, {"a board"}}));
    CHECK(same(patient.get(), local.run(inputs(3, 1))));
    CHECK(same(session.run(inputs(3)), local.run(inputs(3))));
    CHECK(cluster.hub.seen().opens == 1);
}

TEST_CASE("A session that ends while it opens does not wait for the hub") {
    FakeHub::Ways ways;
    ways.hold_open = true;
    Cluster cluster(ways);
    std::vector<std::future<session::Outputs>> runs;
    {
        Session session(model(), cluster.backend);
        for (unsigned i = 0; i < 3; ++i)
            runs.push_back(session.start(inputs(3, i)));
        REQUIRE(cluster.hub.wait_for([](const auto& seen) { return seen.opens == 1; }));
    }
    for (auto& run : runs)
        CHECK(test::code_of([&] { (void)run.get(); }) == Code::cancelled);
}

TEST_CASE("A session that ends takes back what is open") {
    FakeHub::Ways ways;
    ways.hold = true;
    Cluster cluster(ways);
    std::vector<std::future<session::Outputs>> runs;
    {
        Session session(model(), cluster.backend, {16, 2, 10});
        for (unsigned i = 0; i < 5; ++i)
            runs.push_back(session.start(inputs(3, i)));
        REQUIRE(cluster.hub.wait_for([](const auto& seen) { return seen.submits == 2; }));
    }
    for (auto& run : runs)
        CHECK(test::code_of([&] { (void)run.get(); }) == Code::cancelled);
}

TEST_CASE("A model whose way on depends on values runs through a hub, segment by segment, and its outputs cross them") {
    test::ModelMaker maker;
    maker.graph()
        .input("x", ElementType::f32, {std::int64_t{13}})
        .op("Relu", {"x"}, {"r"})
        .op("NonZero", {"r"}, {"places"})
        .op("Transpose", {"places"}, {"rows"})
        .op("GatherND", {"r", "rows"}, {"kept"})
        .op("Neg", {"kept"}, {"y"})
        .output("y")
        .output("r");
    const auto model = maker.model();
    Cluster cluster;
    Session remote(model, cluster.backend), local(model, runtime::make_host_backend());
    for (unsigned salt = 0; salt < 3; ++salt) {
        std::mt19937 random(test::seed() + salt);
        const Inputs inputs{{"x", test::random_tensor(random, {ElementType::f32, {13}})}};
        CHECK(same(remote.run(inputs), local.run(inputs)));
        CHECK(remote.last_run().size() > 1);
    }
    CHECK(cluster.hub.seen().submits == 6);
}
