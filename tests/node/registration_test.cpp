// Being a member, with a port that is told what it sees and a clock turned by hand.
#include "node/registration.hpp"

#include <doctest/doctest.h>

using namespace shoal;
using namespace std::chrono_literals;
using transport::PeerId;

namespace {

class StillPort final : public transport::Port {
public:
    std::string listen(const std::string& endpoint) override { return endpoint; }
    PeerId connect(const std::string&, const std::optional<transport::PublicKey>&) override {
        ++dialled;
        return PeerId{7};
    }
    bool send(PeerId, transport::Frames) override { return true; }
    std::optional<transport::Event> wait(base::TimePoint) override { return std::nullopt; }
    void disconnect(PeerId) override {}
    void wake() noexcept override {}
    void post(std::function<void()>) override {}
    transport::Counters counters(PeerId) const override { return {}; }
    std::uint64_t unsent_bytes(PeerId) const override { return 0; }
    base::TimePoint last_arrival(PeerId) const override { return arrived; }
    transport::Rejections rejections() const override { return {}; }

    base::TimePoint arrived{};
    int dialled = 0;
};

struct Member {
    StillPort port{};
    std::vector<node::Event::Kind> told{};
    node::Registration registration{port, "inproc://hub", std::nullopt,
                                    [this](node::Event::Kind kind, std::string) { told.push_back(kind); }};
    base::TimePoint now = base::TimePoint{} + 100s;

    Member() {
        registration.begin({});
        registration.connected(now);
    }
};

}  // namespace

TEST_CASE("a hub whose long message is still arriving is not given up; one of which nothing comes is") {
    Member member;
    CHECK(member.registration.welcome({1, "hub", "1", 250, 1000}, member.now));
    for (int i = 0; i < 100; ++i) {
        member.now += 1s;
        member.port.arrived = member.now;
        CHECK_FALSE(member.registration.step(member.now));
    }
    CHECK(member.port.dialled == 1);
    member.now += 2999ms;
    CHECK_FALSE(member.registration.step(member.now));
    member.now += 1ms;
    CHECK(member.registration.step(member.now));
    CHECK(member.port.dialled == 2);
}

TEST_CASE("whoever sends and sends but never welcomes is no hub") {
    Member member;
    member.now += 5s;
    member.port.arrived = member.now;
    CHECK_FALSE(member.registration.step(member.now));
    CHECK(member.port.dialled == 2);
}

TEST_CASE("a hub that was never there is told of once") {
    StillPort port;
    std::vector<node::Event::Kind> told;
    node::Registration registration{port, "inproc://hub", std::nullopt,
                                    [&](node::Event::Kind kind, std::string) { told.push_back(kind); }};
    registration.begin({});
    base::TimePoint now = base::TimePoint{} + 100s;
    CHECK_FALSE(registration.step(now));
    CHECK(registration.next() == now + 3s);
    CHECK(told.empty());
    for (int i = 0; i < 10; ++i) {
        now += 3s;
        CHECK_FALSE(registration.step(now));
    }
    CHECK(told == std::vector{node::Event::Kind::hub_absent});
    CHECK(registration.next() == base::TimePoint::max());  // the port says when it is there
    Member member;
    CHECK(member.registration.welcome({1, "hub", "1", 250, 1000}, member.now));
    member.now += 10s;
    member.port.arrived = member.now;
    CHECK_FALSE(member.registration.step(member.now));
    CHECK(member.told == std::vector{node::Event::Kind::joined});
}
