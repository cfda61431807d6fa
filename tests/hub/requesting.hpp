// Requests to a simulated hub, and what must come of them.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>

#include "networks.hpp"
#include "simulation.hpp"

namespace shoal::test {

using Tensors = std::vector<tensor::Tensor>;

[[nodiscard]] inline bool equal(const Tensors& got, const Tensors& want) {
    return std::equal(got.begin(), got.end(), want.begin(), want.end(), [](const auto& a, const auto& b) {
        return a.type() == b.type() && std::ranges::equal(a.bytes(), b.bytes());
    });
}

[[nodiscard]] inline wire::Frames submit(std::uint64_t model, std::uint64_t request, Tensors inputs,
                                         wire::RemainingMs remaining = 60'000) {
    return encode(wire::Submit{model, request, remaining, std::move(inputs)});
}

// Sends requests and holds every answer against the whole model's.
inline void check_requests(Simulation& world, SimulatedClient& client, const graph::Graph& graph, std::uint64_t model,
                           std::uint64_t first, int count) {
    std::map<std::uint64_t, Tensors> wanted;
    for (int i = 0; i < count; ++i) {
        auto inputs = inputs_for(graph, world.dice);
        const std::uint64_t request = first + static_cast<std::uint64_t>(i);
        wanted[request] = run_whole(graph, inputs);
        world.say(client, submit(model, request, std::move(inputs)));
    }
    world.until([&] { return std::ranges::all_of(wanted, [&](const auto& w) { return client.ends(w.first) > 0; }); },
                "all answers");
    world.pass(std::chrono::milliseconds(500));
    for (const auto& entry : wanted) {
        const auto request = entry.first;
        REQUIRE_MESSAGE(client.failures[request].empty(), client.failures[request][0].text);
        REQUIRE(client.answers[request].size() == 1);
        CHECK(equal(client.answers[request][0].outputs, entry.second));
    }
}

}  // namespace shoal::test
