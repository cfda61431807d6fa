#include <doctest/doctest.h>

#include <algorithm>

#include "networks.hpp"
#include "simulation.hpp"

using namespace shoal;
using base::Code;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::perceptron;
using test::Simulation;
using Tensors = std::vector<tensor::Tensor>;

namespace {

bool equal(const Tensors& got, const Tensors& want) {
    return std::equal(got.begin(), got.end(), want.begin(), want.end(), [](const auto& a, const auto& b) {
        return a.type() == b.type() && std::ranges::equal(a.bytes(), b.bytes());
    });
}

wire::Frames submit(std::uint64_t model, std::uint64_t request, Tensors inputs, wire::RemainingMs remaining = 60'000) {
    return encode(wire::Submit{model, request, remaining, std::move(inputs)});
}

// Sends requests and holds every answer against the whole model's.
void check_requests(Simulation& world, test::SimulatedClient& client, const graph::Graph& graph, std::uint64_t model,
                    std::uint64_t first, int count) {
    std::map<std::uint64_t, Tensors> wanted;
    for (int i = 0; i < count; ++i) {
        auto inputs = test::inputs_for(graph, world.dice);
        const std::uint64_t request = first + static_cast<std::uint64_t>(i);
        wanted[request] = test::run_whole(graph, inputs);
        world.say(client, submit(model, request, std::move(inputs)));
    }
    world.until([&] { return std::ranges::all_of(wanted, [&](const auto& w) { return client.ends(w.first) > 0; }); },
                "all answers");
    world.pass(milliseconds(500));
    for (const auto& [request, outputs] : wanted) {
        REQUIRE(client.answers[request].size() == 1);
        CHECK(client.failures[request].empty());
        CHECK(equal(client.answers[request][0].outputs, outputs));
    }
}

}  // namespace

TEST_CASE("a model runs on one board and on several alike") {
    const auto graph = perceptron(1, 6, 64);
    for (const int boards : {1, 2, 3, 4}) {
        CAPTURE(boards);
        Simulation world(test::seed() + static_cast<unsigned>(boards));
        for (int b = 0; b < boards; ++b)
            world.add_board(
                {"board" + std::to_string(b), (120'000ULL + 20'000) / static_cast<unsigned>(boards) + 20'000});
        auto& client = world.add_client("client");
        const auto& opened = world.opened(client, 1, {graph});
        CHECK(plan::leaves(opened.plan.root).size() >= static_cast<std::size_t>(boards > 1 ? 2 : 1));
        CHECK(client.phases.count("measuring") == 1);
        check_requests(world, client, *graph, opened.model, 1, 12);
        world.say(client, encode(wire::StatusRequest{}));
        world.until([&] { return !client.statuses.empty(); }, "the status");
        const auto& status = client.statuses[0];
        REQUIRE(status.models.size() == 1);
        CHECK(status.models[0].state == wire::ModelState::serving);
        CHECK(status.models[0].answered == 12);
        CHECK(status.models[0].p50_ms > 0);
        CHECK(status.models[0].stages.size() == plan::leaves(opened.plan.root).size());
        CHECK(status.boards.size() == static_cast<std::size_t>(boards));
        CHECK(status.clients.size() == 1);
        CHECK(status.broken_messages == 0);
    }
}
