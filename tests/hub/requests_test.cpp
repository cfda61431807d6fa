#include "hub/requests.hpp"

#include "requesting.hpp"
#include "support/errors.hpp"

using namespace shoal;
using base::Code;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::perceptron;
using test::says;
using test::Simulation;

namespace {

struct World {
    explicit World(hub::HubLimits limits = {}) : world(test::seed(), options(limits)) {
        board = &world.add_board({"a", 400'000});
        client = &world.add_client("client");
        model = world.opened(*client, 1, {graph}).model;
    }
    static hub::HubOptions options(hub::HubLimits limits) {
        hub::HubOptions out;
        out.limits = limits;
        return out;
    }
    void submit(std::uint64_t request, wire::RemainingMs remaining = 60'000) {
        world.say(*client, test::submit(model, request, test::inputs_for(*graph, world.dice), remaining));
    }
    Code failure(std::uint64_t request) {
        world.until([&] { return client->ends(request) > 0; }, "the request to end");
        REQUIRE(client->failures[request].size() == 1);
        return client->failures[request][0].code;
    }

    std::shared_ptr<const graph::Graph> graph = perceptron(1);
    Simulation world;
    test::SimulatedBoard* board = nullptr;
    test::SimulatedClient* client = nullptr;
    std::uint64_t model = 0;
};

}  // namespace

TEST_CASE("a full hub says so at once") {
    hub::HubLimits limits;
    limits.requests = 4;
    World w(limits);
    w.board->hangs = true;
    for (std::uint64_t request = 1; request <= 6; ++request)
        w.submit(request);
    CHECK(w.failure(5) == Code::busy);
    CHECK(w.failure(6) == Code::busy);
    CHECK(w.client->ends(1) == 0);

    limits.requests = 100;
    limits.request_bytes = 3 * 13 * 4 * 2;
    World bytes(limits);
    bytes.board->hangs = true;
    for (std::uint64_t request = 1; request <= 3; ++request)
        bytes.submit(request);
    CHECK(bytes.failure(3) == Code::busy);
    CHECK(says(bytes.client->failures[3][0].text, "try again"));
}

TEST_CASE("a request ends at its deadline, wherever it is") {
    World w;
    w.board->hangs = true;
    for (std::uint64_t request = 1; request <= 10; ++request)
        w.submit(request, 100);
    for (std::uint64_t request = 1; request <= 10; ++request)
        CHECK(w.failure(request) == Code::timeout);
    w.board->hangs = false;
    w.world.pass(seconds(3));
    w.submit(11);
    w.world.until([&] { return w.client->ends(11) > 0; }, "the board to work again");
    CHECK(w.client->answers[11].size() == 1);
    for (std::uint64_t request = 1; request <= 10; ++request)
        CHECK(w.client->ends(request) == 1);
}

TEST_CASE("a request that is taken back ends as cancelled, once; its place is free again") {
    World w;
    w.board->hangs = true;
    for (std::uint64_t request = 1; request <= 20; ++request)
        w.submit(request);
    w.world.pass(milliseconds(50));
    for (std::uint64_t request = 1; request <= 20; ++request)
        w.world.say(*w.client, encode(wire::CancelRequest{request}));
    for (std::uint64_t request = 1; request <= 20; ++request)
        CHECK(w.failure(request) == Code::cancelled);
    w.board->hangs = false;
    test::check_requests(w.world, *w.client, *w.graph, w.model, 100, 10);
}

TEST_CASE("a number is used once") {
    World w;
    const auto inputs = test::inputs_for(*w.graph, w.world.dice);
    for (int i = 0; i < 3; ++i)
        w.world.say(*w.client, test::submit(w.model, 7, inputs));
    w.world.pass(seconds(1));
    w.world.say(*w.client, test::submit(w.model, 7, inputs));
    w.world.pass(seconds(1));
    CHECK(w.client->ends(7) == 1);
}

TEST_CASE("requests that make no sense are refused, and only they") {
    World w;
    w.world.say(*w.client, test::submit(w.model, 1, {}));
    CHECK(w.failure(1) == Code::invalid_argument);
    w.world.say(*w.client, test::submit(w.model, 2, {tensor::Tensor(tensor::Type{tensor::ElementType::f32, {2, 2}})}));
    CHECK(w.failure(2) == Code::invalid_argument);
    w.world.say(*w.client, test::submit(w.model + 1, 3, test::inputs_for(*w.graph, w.world.dice)));
    CHECK(w.failure(3) == Code::not_found);
    auto& stranger = w.world.add_client("another");
    w.world.say(stranger, test::submit(w.model, 1, test::inputs_for(*w.graph, w.world.dice)));
    w.world.until([&] { return stranger.ends(1) > 0; }, "the answer to the other client");
    CHECK(stranger.failures[1][0].code == Code::not_found);
    test::check_requests(w.world, *w.client, *w.graph, w.model, 100, 3);
}

TEST_CASE("a client that leaves takes its requests with it; the model stays for the next") {
    World w;
    w.board->hangs = true;
    for (std::uint64_t request = 1; request <= 20; ++request)
        w.submit(request);
    w.world.pass(milliseconds(20));
    w.world.leave(*w.client);
    w.board->hangs = false;
    w.world.pass(milliseconds(100));
    auto& next = w.world.add_client("next");
    const auto fetched = w.board->blobs_fetched;
    const auto compiled = w.board->compiles;
    const auto model = w.world.opened(next, 1, {w.graph}).model;
    CHECK(model == w.model);
    CHECK(next.blobs_sent == 0);
    CHECK(w.board->blobs_fetched == fetched);
    CHECK(w.board->compiles == compiled);
    test::check_requests(w.world, next, *w.graph, model, 1, 5);
}
