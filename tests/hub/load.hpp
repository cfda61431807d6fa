// A model that needs two small boards or one large one, and requests to it that are all accounted for.
#pragma once

#include "requesting.hpp"

namespace shoal::test {

inline constexpr std::uint64_t kWhole = 400'000;  // bytes: enough for all of the model below
inline constexpr std::uint64_t kHalf = 70'000;    // enough for a part

inline const auto& six_layers() {
    static const auto graph = perceptron(1, 6, 64);
    return graph;
}

/// Requests sent one after the other, held against the truth in the end.
class Load {
public:
    Load(Simulation& world, SimulatedClient& client, std::uint64_t model)
        : world_(world), client_(client), model_(model) {}

    void send(wire::RemainingMs remaining = 60'000) {
        auto inputs = inputs_for(*six_layers(), world_.dice);
        wanted_[++last_] = run_whole(*six_layers(), inputs);
        world_.say(client_, submit(model_, last_, std::move(inputs), remaining));
    }
    void until_all_ended() {
        world_.until([&] { return open() == 0; }, "every request to end");
        world_.pass(std::chrono::seconds(2));  // nothing ends twice
    }
    [[nodiscard]] std::size_t open() const {
        return static_cast<std::size_t>(
            std::ranges::count_if(wanted_, [&](const auto& want) { return client_.ends(want.first) == 0; }));
    }
    /// How many were answered, all of them rightly.
    std::size_t check() {
        std::size_t answered = 0;
        for (const auto& [request, outputs] : wanted_) {
            CHECK(client_.ends(request) == 1);
            if (client_.answers[request].empty()) continue;
            ++answered;
            CHECK(equal(client_.answers[request][0].outputs, outputs));
        }
        return answered;
    }
    [[nodiscard]] std::size_t sent() const { return wanted_.size(); }

private:
    Simulation& world_;
    SimulatedClient& client_;
    std::uint64_t model_, last_ = 0;
    std::map<std::uint64_t, Tensors> wanted_{};
};

}  // namespace shoal::test
