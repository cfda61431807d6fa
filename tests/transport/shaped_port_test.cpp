#include "transport/shaped_port.hpp"

#include "support/lying_port.hpp"
#include "support/random.hpp"
#include "transport/ports.hpp"

namespace {

using namespace shoal;
using namespace shoal::test;
using namespace std::chrono_literals;
using Kind = Event::Kind;
using transport::LinkShape;

struct Ends {
    std::unique_ptr<Port> sender, receiver;
    PeerId to_receiver{};
};

// A sender and a receiver whose side of the link is wrapped.
template <class Wrap>
Ends ends(InProcess<false>& net, Wrap&& wrap) {
    Ends out{net.client(), wrap(net.server()), {}};
    out.to_receiver = net.connect(*out.sender, out.receiver->listen(net.endpoint()));
    REQUIRE(out.sender->wait(base::deadline_in(kPatience))->kind == Kind::connected);
    REQUIRE(out.receiver->wait(base::deadline_in(kPatience))->kind == Kind::connected);
    return out;
}

TEST_CASE("a shaped link delivers no earlier than latency and rate allow, and in order") {
    InProcess<false> net;
    // 10 ms, and 1 MB/s: a message of 5 kB occupies the link for 5 ms.
    auto link = ends(net, [](auto port) { return transport::make_shaped_port(std::move(port), {10ms, 1e6, false}); });
    const auto start = base::SteadyClock::now();
    for (int i = 0; i < 4; ++i)
        CHECK(link.sender->send(link.to_receiver, {bytes(std::to_string(i)), filled(4999, 'x')}));
    for (int i = 0; i < 4; ++i) {
        const auto event = link.receiver->wait(base::deadline_in(kPatience));
        REQUIRE(event);
        CHECK(text(event->frames[0]) == std::to_string(i));
        CHECK(base::SteadyClock::now() - start >= 10ms + (i + 1) * 5ms);
    }
}

TEST_CASE("a long message is seen to arrive for as long as it crosses a shaped link") {
    InProcess<false> net;
    auto link = ends(net, [](auto port) { return transport::make_shaped_port(std::move(port), {0ms, 1e6, false}); });
    CHECK(link.sender->send(link.to_receiver, {bytes("x")}));
    const auto event = link.receiver->wait(base::deadline_in(kPatience));
    REQUIRE(event);
    const auto last = link.receiver->last_arrival(event->peer);
    CHECK_FALSE(link.receiver->wait(base::deadline_in(5ms)));
    CHECK(link.receiver->last_arrival(event->peer) == last);

    CHECK(link.sender->send(link.to_receiver, {filled(30'000'000, 'x')}));  // for half a minute
    CHECK_FALSE(link.receiver->wait(base::deadline_in(1ms)));
    for (int looks = 0; looks < 3; ++looks) {
        const auto before = base::SteadyClock::now();
        CHECK_FALSE(link.receiver->wait(base::deadline_in(5ms)));
        CHECK(link.receiver->last_arrival(event->peer) > before);
    }
}

TEST_CASE("a shaped link reports that a peer went after its messages, and can be woken") {
    InProcess<false> net;
    auto link = ends(net, [](auto port) { return transport::make_shaped_port(std::move(port), {20ms, 0, true}); });
    CHECK(link.sender->send(link.to_receiver, {bytes("x")}));
    link.sender.reset();
    CHECK_FALSE(link.receiver->wait(base::deadline_in(1ms)));
    link.receiver->wake();
    CHECK_FALSE(link.receiver->wait(base::deadline_in(kPatience)));
    CHECK(link.receiver->wait(base::deadline_in(kPatience))->kind == Kind::message);
    CHECK(link.receiver->wait(base::deadline_in(kPatience))->kind == Kind::disconnected);
}

TEST_CASE("a shared medium serves its peers one after the other") {
    InProcess<false> net;
    auto receiver = transport::make_shaped_port(net.server(), {0ms, 1e6, true});
    const auto endpoint = receiver->listen(net.endpoint());
    std::vector<std::unique_ptr<Port>> senders;
    for (int i = 0; i < 3; ++i) {
        senders.push_back(net.client());
        const PeerId peer = net.connect(*senders.back(), endpoint);
        REQUIRE(senders.back()->wait(base::deadline_in(kPatience)));
        CHECK(senders.back()->send(peer, {filled(5000, 'x')}));
    }
    const auto start = base::SteadyClock::now();
    for (int messages = 0; messages < 3;) {
        const auto event = receiver->wait(base::deadline_in(kPatience));
        REQUIRE(event);
        messages += event->kind == Kind::message ? 1 : 0;
    }
    CHECK(base::SteadyClock::now() - start >= 14ms);
}

TEST_CASE("a lying port lies as often as it was told to, and about nothing else") {
    InProcess<false> net;
    LyingPort* liar = nullptr;
    auto link = ends(net, [&](auto port) {
        auto made = std::make_unique<LyingPort>(std::move(port), Lies{}, test::seed());
        liar = made.get();
        return std::unique_ptr<Port>(std::move(made));
    });
    constexpr int kMessages = 500;
    const auto deliver = [&](Lies lies) {
        liar->set_lies(lies);
        std::vector<Frames> out;
        for (int i = 0; i < kMessages; ++i)
            CHECK(link.sender->send(link.to_receiver, {bytes(std::to_string(10'000 + i)), filled(13, 'x')}));
        while (auto event = link.receiver->wait(base::deadline_in(1ms)))
            out.push_back(std::move(event->frames));
        return out;
    };
    const auto number = [](const Frames& frames) { return std::stoi(text(frames.at(0))) - 10'000; };

    const auto truth = deliver({});
    REQUIRE(truth.size() == kMessages);
    CHECK(liar->told() == 0);
    for (int i = 0; i < kMessages; ++i)
        CHECK(number(truth[static_cast<std::size_t>(i)]) == i);

    CHECK(deliver({1, 0, 0, 0, 0}).empty());
    CHECK(deliver({0, 1, 0, 0, 0}).size() == 2 * kMessages);
    const auto dropped = deliver({0.3, 0, 0, 0, 0}).size();
    CHECK((dropped > 0.5 * kMessages && dropped < 0.9 * kMessages));

    const auto swapped = deliver({0, 0, 0.3, 0, 0});
    CHECK(swapped.size() == kMessages);
    CHECK_FALSE(std::is_sorted(swapped.begin(), swapped.end(),
                               [&](const Frames& a, const Frames& b) { return number(a) < number(b); }));
    int shorter = 0, damaged = 0;
    for (const auto& frames : deliver({0, 0, 0, 1, 0}))
        shorter += frames.size() < 2 || frames[0].size() < 5 || frames[1].size() < 13 ? 1 : 0;
    CHECK(shorter > kMessages / 2);
    for (const auto& frames : deliver({0, 0, 0, 0, 1}))
        damaged += text(frames[1]) != std::string(13, 'x') || text(frames[0]).substr(0, 2) != "10" ? 1 : 0;
    CHECK(damaged > kMessages / 2);
}

}  // namespace
