// The watch with made-up facts and a clock turned by hand.
#include "transport/watch.hpp"

#include <doctest/doctest.h>

namespace {

using namespace shoal;
using namespace std::chrono_literals;
using platform::SocketFacts;
using transport::Limits;
using transport::Timing;
using transport::Watch;

constexpr int kSocket = 7;
constexpr std::uint64_t kOwner = 3;

struct Stage {
    Limits limits{};
    Timing timing{};
    SocketFacts facts{};
    bool known = true;
    base::TimePoint now = base::TimePoint{} + 100s;
    Watch watch{limits, timing, [this](int) { return known ? std::optional(facts) : std::nullopt; }};

    Stage() { watch.add(kSocket, kOwner, now); }

    // How many verdicts come in that time, looked at every 50 ms.
    std::size_t pass(std::chrono::milliseconds time) {
        std::size_t out = 0;
        for (; time > 0ms; time -= 50ms) {
            now += 50ms;
            out += watch.floods(now).size() + watch.silent(now).size();
        }
        return out;
    }
};

TEST_CASE("a peer that signs and whose messages are read is left alone") {
    Stage stage;
    stage.watch.delivered(kSocket, kOwner, 0, 1);
    for (int i = 0; i < 1000; ++i) {
        stage.facts.bytes_received += (1 << 20) + 50;
        stage.watch.delivered(kSocket, kOwner, 1 << 20, 1);
        CHECK(stage.pass(50ms) == 0);
    }
    // A day of heartbeats and nothing else.
    for (int i = 0; i < 24 * 60; ++i) {
        stage.facts.bytes_received += 60 * 400;
        stage.now += 60s;
        CHECK(stage.watch.floods(stage.now).empty());
    }
}

TEST_CASE("a message that never ends is cut at the limit, however many small ones came before") {
    Stage stage;
    for (int i = 0; i < 10'000; ++i)
        stage.watch.delivered(kSocket, kOwner, 10, 1);
    stage.facts.bytes_received = 10'000 * 12;
    CHECK(stage.pass(50ms) == 0);
    stage.facts.bytes_received += stage.limits.unread_bytes - (1 << 20);
    CHECK(stage.pass(50ms) == 0);
    stage.facts.bytes_received += 1 << 21;
    const auto verdicts = stage.watch.floods(stage.now + 50ms);
    REQUIRE(verdicts.size() == 1);
    CHECK(verdicts[0].descriptor == kSocket);
    CHECK(verdicts[0].owner == kOwner);
    CHECK(verdicts[0].why.find("MiB") != std::string::npos);
    // What the kernel still holds costs nobody memory but the kernel, which bounds it itself.
    stage.facts.unread_bytes = 1 << 22;
    CHECK(stage.watch.floods(stage.now + 100ms).empty());
}

TEST_CASE("a stranger may say little before it is known, and must say something") {
    Stage stage;
    stage.facts.bytes_received = 1 << 20;
    CHECK(stage.pass(900ms) == 0);
    CHECK(stage.pass(300ms) > 0);

    Stage quiet;
    CHECK(quiet.pass(std::chrono::milliseconds(2 * quiet.timing.handshake)) == 0);
    CHECK(quiet.pass(100ms) > 0);
}

TEST_CASE("a peer without a sign of life is cut, unless we were away ourselves") {
    Stage stage;
    stage.watch.delivered(kSocket, kOwner, 0, 1);
    CHECK(stage.pass(2s) == 0);
    stage.facts.since_last_sign = 900ms;
    CHECK(stage.pass(100ms) == 0);
    stage.facts.since_last_sign = 1100ms;
    CHECK(stage.pass(50ms) == 1);

    stage.facts.held_back = true;  // it has no room: the kernel asks it ever more rarely
    CHECK(stage.pass(100ms) == 0);
    stage.facts.since_last_sign = 11s;
    CHECK(stage.pass(9s) > 0);
    stage.facts.held_back = false;

    stage.now += 20s;  // nobody looked, nobody sent anything
    stage.facts.since_last_sign = 20s;
    CHECK(stage.pass(1s) == 0);
    stage.facts.since_last_sign = 100ms;
    CHECK(stage.pass(2s) == 0);
}

TEST_CASE("what arrives of a message that is not whole yet is seen to arrive") {
    Stage stage;
    CHECK(stage.watch.last_arrival(kSocket, kOwner) == base::TimePoint{});
    for (int i = 0; i < 10; ++i) {
        stage.facts.bytes_received += 1000;
        CHECK(stage.pass(50ms) == 0);
        CHECK(stage.watch.last_arrival(kSocket, kOwner) == stage.now);
    }
    const auto last = stage.now;
    CHECK(stage.pass(1s) == 0);
    CHECK(stage.watch.last_arrival(kSocket, kOwner) == last);
    CHECK(stage.watch.last_arrival(kSocket, kOwner + 1) == base::TimePoint{});
}

TEST_CASE("a descriptor that became another's is not touched, nor one that the kernel says nothing of") {
    Stage stage;
    stage.watch.delivered(kSocket, kOwner + 1, 0, 1);
    CHECK_FALSE(stage.watch.has_spoken(kSocket, kOwner));
    stage.watch.remove(kSocket, kOwner + 1);
    stage.watch.delivered(kSocket, kOwner, 0, 1);
    CHECK(stage.watch.has_spoken(kSocket, kOwner));
    stage.known = false;
    stage.facts.since_last_sign = 100s;
    CHECK(stage.pass(10s) == 0);
    stage.known = true;
    CHECK(stage.pass(2s) > 0);
    stage.watch.remove(kSocket, kOwner);
    CHECK(stage.pass(2s) == 0);
}

}  // namespace
