#include "hub/membership.hpp"

#include <doctest/doctest.h>

#include "base/log.hpp"
#include "support/errors.hpp"
#include "transport/keys.hpp"
#include "wire/decode.hpp"

using namespace shoal;
using hub::Caller;
using hub::PeerId;
using std::chrono::milliseconds;

namespace {

class Letters final : public hub::Outbox {
public:
    bool send(PeerId peer, wire::Frames frames) override {
        to[peer].push_back(std::move(frames));
        return true;
    }
    void disconnect(PeerId) override {}
    [[nodiscard]] std::uint64_t unsent_bytes(PeerId) const override { return 0; }
    [[nodiscard]] base::TimePoint last_arrival(PeerId peer) const override {
        const auto at = arrived.find(peer);
        return at != arrived.end() ? at->second : base::TimePoint{};
    }
    [[nodiscard]] transport::Counters counters(PeerId) const override { return {}; }
    [[nodiscard]] transport::Rejections rejections() const override { return {}; }

    std::map<PeerId, std::vector<wire::Frames>> to{};
    std::map<PeerId, base::TimePoint> arrived{};
};

wire::Register board(const std::string& name, std::uint64_t boot) {
    wire::Register out{"0", name, 1, "tcp://*:1", 1000, {device::DeviceInfo{}}, {}};
    out.boot = boot;
    return out;
}

struct Table {
    hub::HubOptions options{};
    Letters letters{};
    hub::Membership membership{options, letters};
    transport::PublicKey key = transport::Keys::generate().public_key();
    base::TimePoint now{std::chrono::hours(1)};
};

}  // namespace

TEST_CASE("the same process may come again on another connection, whatever the hub thinks of the first") {
    Table table;
    REQUIRE(table.membership.join({PeerId{1}, table.key, "a"}, board("x", 7), table.now) != nullptr);
    CHECK(table.membership.replaced_by({PeerId{1}, table.key, "a"}, board("x", 7), table.now) != nullptr);
    CHECK(table.membership.replaced_by({PeerId{2}, table.key, "a"}, board("x", 7), table.now) != nullptr);
    CHECK(table.membership.replaced_by({PeerId{2}, {}, "a"}, board("x", 7), table.now) == nullptr);
    CHECK(table.membership.replaced_by({PeerId{2}, table.key, "a"}, board("y", 7), table.now) == nullptr);
}

TEST_CASE("two boards with one key do not push each other out; a process that follows a silent one may") {
    Table table;
    REQUIRE(table.membership.join({PeerId{1}, table.key, "a"}, board("x", 7), table.now) != nullptr);
    const Caller copy{PeerId{2}, table.key, "b"};
    CHECK(table.membership.replaced_by(copy, board("x", 8), table.now) == nullptr);
    CHECK(table.membership.join(copy, board("x", 8), table.now) == nullptr);
    REQUIRE(table.letters.to[copy.peer].size() == 1);
    const auto answer = wire::decode_board_from_hub(table.letters.to[copy.peer][0]);
    REQUIRE(std::holds_alternative<wire::Refused>(answer));
    CHECK(test::says(std::get<wire::Refused>(answer).text, "same key"));
    CHECK(table.membership.peer_of("x") == PeerId{1});

    table.now += 2 * table.options.heartbeat + milliseconds(1);
    CHECK(table.membership.replaced_by(copy, board("x", 8), table.now) != nullptr);
}

TEST_CASE("a board whose long message is still arriving is not silent; one of which nothing comes is") {
    Table table;
    REQUIRE(table.membership.join({PeerId{1}, table.key, "a"}, board("x", 7), table.now) != nullptr);
    for (int i = 0; i < 100; ++i) {
        table.now += table.options.board_timeout / 2;
        table.letters.arrived[PeerId{1}] = table.now;
        CHECK(table.membership.silent(table.now).empty());
    }
    CHECK(table.membership.replaced_by({PeerId{2}, table.key, "b"}, board("x", 8), table.now) == nullptr);
    table.now += table.options.board_timeout;
    CHECK(table.membership.silent(table.now).empty());
    table.now += milliseconds(1);
    CHECK(table.membership.silent(table.now) == std::vector<std::string>{"x"});
}

TEST_CASE("a board whose devices no plan could name is refused") {
    Table table;
    auto long_one = board(std::string(100, 'x'), 7);
    long_one.devices[0].id = std::string(60, 'y');
    REQUIRE(table.membership.join({PeerId{1}, table.key, "a"}, long_one, table.now) != nullptr);
    table.membership.lost(long_one.board, wire::BoardState::left);
    long_one.devices.push_back(long_one.devices[0]);
    long_one.devices[1].id = "z";
    CHECK(table.membership.join({PeerId{2}, table.key, "a"}, long_one, table.now) == nullptr);
    REQUIRE(table.letters.to[PeerId{2}].size() == 1);
    const auto answer = wire::decode_board_from_hub(table.letters.to[PeerId{2}][0]);
    REQUIRE(std::holds_alternative<wire::Refused>(answer));
    CHECK(test::says(std::get<wire::Refused>(answer).text, "161 bytes"));
}

TEST_CASE("a board that is refused asks again and again, and is told of once") {
    std::vector<std::string> said;
    base::set_log_sink([&](base::LogLevel, std::string_view, std::string_view message) { said.emplace_back(message); },
                       base::LogLevel::warning);
    Table table;
    REQUIRE(table.membership.join({PeerId{1}, table.key, "a"}, board("x", 7), table.now) != nullptr);
    for (int i = 0; i < 5; ++i)
        CHECK(table.membership.join({PeerId{2}, table.key, "b"}, board("x", 8), table.now) == nullptr);
    CHECK(table.letters.to[PeerId{2}].size() == 5);  // each is answered
    CHECK(table.membership.join({PeerId{3}, table.key, "c"}, board("x", 9), table.now) == nullptr);
    base::set_log_sink({});
    CHECK(said.size() == 2);
}
