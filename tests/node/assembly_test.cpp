// Requests put together from what several boards send, and what is not taken.
#include "node/assembly.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

#include "support/errors.hpp"

using namespace shoal;
using namespace shoal::test;
using node::Assembly;
using node::MemoryMeter;
using tensor::ElementType;
using tensor::Shape;
using tensor::Tensor;
using tensor::Type;

namespace {

const Type kType{ElementType::f32, Shape{2, 3}};

wire::Activation message(std::uint64_t request, std::vector<std::pair<std::uint32_t, std::uint16_t>> parts,
                         const Type& type = kType, wire::RemainingMs remaining = 1000) {
    wire::Activation out;
    out.request = request;
    out.remaining_ms = remaining;
    for (const auto& [port, source] : parts)
        out.parts.push_back({port, source, Tensor(type)});
    return out;
}

wire::InputRoute from(std::vector<wire::Source> sources, graph::Merge merge = graph::Merge::concat) {
    return {std::move(sources), merge};
}

// Input 0 from the hub, input 1 from board a.
Assembly two_senders(std::uint32_t credits) {
    return {{kType, kType}, {from({{"", 0, 0, {}}}), from({{"a", 1, 0, {}}})}, credits};
}

const base::TimePoint kNow{std::chrono::seconds(100)};

}  // namespace

TEST_CASE("a request is complete when every sender has sent, in any order") {
    MemoryMeter meter(1 << 20);
    auto assembly = two_senders(2);
    REQUIRE(assembly.senders().size() == 2);
    CHECK_FALSE(assembly.add("a", message(1, {{1, 0}}), kNow, meter).complete);
    CHECK(meter.used() == 24);
    CHECK_FALSE(assembly.add("", message(2, {{0, 0}}), kNow, meter).complete);
    auto first = assembly.add("", message(1, {{0, 0}}), kNow, meter);
    REQUIRE(first.complete);
    CHECK(first.complete->request == 1);
    CHECK(first.complete->senders.size() == 2);
    CHECK(meter.used() == 72);
    CHECK(assembly.held_of(0) == 2);
    assembly.give_back(first.complete->senders);
    first.complete.reset();
    CHECK(assembly.held_of(0) == 1);
    CHECK(meter.used() == 24);
}

TEST_CASE("who sends more than it has credits for, or not what the routes say, is not taken") {
    MemoryMeter meter(1 << 20);
    auto assembly = two_senders(2);
    const auto refused = [&](const std::string& board, wire::Activation sent) {
        const auto used = meter.used();
        const auto code = code_of([&] { static_cast<void>(assembly.add(board, std::move(sent), kNow, meter)); });
        CHECK(meter.used() == used);
        return code == base::Code::network;
    };
    static_cast<void>(assembly.add("", message(1, {{0, 0}}), kNow, meter));
    CHECK(refused("", message(1, {{0, 0}})));   // twice
    CHECK(refused("", message(2, {{2, 0}})));   // no such input
    CHECK(refused("", message(2, {{0, 1}})));   // no such source
    CHECK(refused("", message(2, {{1, 0}})));   // another's input
    CHECK(refused("a", message(2, {{0, 0}})));  // the same, the other way
    CHECK(refused("b", message(2, {{1, 0}})));  // a stranger
    CHECK(refused("", message(2, {})));         // nothing
    CHECK(refused("", message(2, {{0, 0}}, {ElementType::f32, Shape{3, 2}})));
    CHECK(refused("", message(2, {{0, 0}}, {ElementType::i32, Shape{2, 3}})));
    static_cast<void>(assembly.add("", message(2, {{0, 0}}), kNow, meter));
    CHECK(refused("", message(3, {{0, 0}})));  // the third of two
    CHECK(assembly.incomplete() == 2);
}

TEST_CASE("a cancelled request gives its credits back, and what comes late for it too") {
    MemoryMeter meter(1 << 20);
    auto assembly = two_senders(1);
    static_cast<void>(assembly.add("", message(1, {{0, 0}}), kNow, meter));
    CHECK(assembly.cancel(1) == node::Returned{0});
    CHECK(assembly.cancel(1).empty());
    CHECK(meter.used() == 0);
    CHECK(assembly.held_of(0) == 0);
    const auto late = assembly.add("a", message(1, {{1, 0}}), kNow, meter);
    CHECK(late.returned == node::Returned{1});
    CHECK_FALSE(late.complete);
    CHECK(assembly.incomplete() == 0);
    CHECK(assembly.cancel(99).empty());

    // Sent anew after a cancellation, it is a request as any other.
    static_cast<void>(assembly.add("", message(2, {{0, 0}}), kNow, meter));
    CHECK(assembly.cancel(2).size() == 1);
    CHECK_FALSE(assembly.add("", message(2, {{0, 0}}), kNow, meter).complete);
    CHECK(assembly.add("a", message(2, {{1, 0}}), kNow, meter).complete);
}

TEST_CASE("past its deadline a request goes, and one that has none left is not kept") {
    MemoryMeter meter(1 << 20);
    auto assembly = two_senders(1);
    static_cast<void>(assembly.add("", message(1, {{0, 0}}, kType, 500), kNow, meter));
    CHECK(assembly.earliest_deadline() == kNow + std::chrono::milliseconds(500));
    CHECK(assembly.expire(kNow + std::chrono::milliseconds(499)).empty());
    CHECK(assembly.expire(kNow + std::chrono::milliseconds(500)) == node::Returned{0});
    CHECK(assembly.incomplete() == 0);
    CHECK(meter.used() == 0);
    const auto dead = assembly.add("", message(2, {{0, 0}}, kType, 0), kNow, meter);
    CHECK(dead.returned == node::Returned{0});
    CHECK(assembly.incomplete() == 0);
}

TEST_CASE("sources of the same part stand for each other; of other parts, and of sums, all are waited for") {
    MemoryMeter meter(1 << 20);
    const wire::Source a{"a", 1, 0, {0, 0, 1}}, b{"b", 2, 0, {0, 0, 1}}, c{"c", 3, 0, {0, 1, 2}};
    const Type half{ElementType::f32, Shape{1, 3}};
    Assembly assembly({kType}, {from({a, b, c})}, 4);
    CHECK(assembly.allowance(0) == 2);
    CHECK(assembly.allowance(1) == 2);
    CHECK(assembly.allowance(2) == 4);
    CHECK(assembly.most_bytes() == 4 * 24);
    CHECK_FALSE(assembly.add("b", message(1, {{0, 1}}, half), kNow, meter).complete);
    const auto done = assembly.add("c", message(1, {{0, 2}}, half), kNow, meter);
    REQUIRE(done.complete);
    CHECK(done.complete->ports[0].size() == 2);
    CHECK(done.complete->senders == node::Returned{1, 2});

    Assembly sums({kType}, {from({{"a", 1, 0, {}}, {"b", 2, 0, {}}}, graph::Merge::sum)}, 1);
    CHECK_FALSE(sums.add("a", message(1, {{0, 0}}), kNow, meter).complete);
    CHECK(sums.add("b", message(1, {{0, 1}}), kNow, meter).complete);
}

TEST_CASE("a stage without inputs runs when the hub says so") {
    MemoryMeter meter(1 << 20);
    Assembly assembly({}, {}, 1);
    REQUIRE(assembly.senders().size() == 1);
    CHECK(assembly.add("", message(1, {}), kNow, meter).complete);
    CHECK(code_of([&] { static_cast<void>(assembly.add("", message(2, {}), kNow, meter)); }) == base::Code::network);
    CHECK(code_of([&] { static_cast<void>(assembly.add("a", message(3, {}), kNow, meter)); }) == base::Code::network);
}

TEST_CASE("whatever is added, cancelled and expired, the counts come out even") {
    std::mt19937 random(7);
    MemoryMeter meter(1 << 20);
    auto assembly = two_senders(3);
    std::map<std::size_t, int> out;  // credits that senders have spent
    const auto back = [&](const node::Returned& senders) {
        for (const auto sender : senders)
            --out[sender];
    };
    std::vector<node::Inputs> complete;
    auto now = kNow;
    for (int round = 0; round < 20'000; ++round) {
        now += std::chrono::milliseconds(random() % 5);
        const auto request = random() % 6;
        switch (random() % 5) {
            case 0:
            case 1: {
                const std::size_t sender = random() % 2;
                auto sent = message(request, {{static_cast<std::uint32_t>(sender), 0}}, kType,
                                    static_cast<wire::RemainingMs>(random() % 50));
                try {
                    auto added = assembly.add(sender == 0 ? "" : "a", std::move(sent), now, meter);
                    ++out[sender];
                    if (added.complete) complete.push_back(std::move(*added.complete));
                    back(added.returned);
                } catch (const base::Error&) {}
                break;
            }
            case 2: back(assembly.cancel(request)); break;
            case 3: back(assembly.expire(now)); break;
            default:
                if (complete.empty()) break;
                assembly.give_back(complete.back().senders);
                back(complete.back().senders);
                complete.pop_back();
        }
        for (std::size_t sender = 0; sender < 2; ++sender)
            REQUIRE(static_cast<int>(assembly.held_of(sender)) == out[sender]);
        REQUIRE(assembly.incomplete() <= 12);
    }
    back(assembly.expire(now + std::chrono::hours(1)));
    for (auto& inputs : complete) {
        assembly.give_back(inputs.senders);
        back(inputs.senders);
    }
    complete.clear();
    CHECK(out[0] == 0);
    CHECK(out[1] == 0);
    CHECK(meter.used() == 0);
}
