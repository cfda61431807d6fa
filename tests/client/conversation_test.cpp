#include "client/conversation.hpp"

#include <doctest/doctest.h>

#include <deque>

#include "graph/builder.hpp"
#include "support/random.hpp"
#include "wire/graph_codec.hpp"

using namespace shoal;
using base::Code;
using client::Conversation;
using client::OpenCall;
using client::OpenResult;
using client::Reply;
using std::chrono::milliseconds;
using tensor::Tensor;

namespace {

// What the hub would get, decoded; the network takes as much as the test lets it.
class FakeLine final : public client::Line {
public:
    bool send(wire::Frames frames) override {
        if (!up) return false;
        for (const auto& frame : frames)
            unsent += frame.size();
        said.push_back(wire::decode_hub_from_client(frames));
        return true;
    }
    std::uint64_t unsent_bytes() const override { return unsent; }

    template <class Message>
    std::vector<Message> take() {
        std::vector<Message> out;
        for (auto& message : std::exchange(said, {})) {
            if (auto* own = std::get_if<Message>(&message)) out.push_back(std::move(*own));
        }
        return out;
    }

    bool up = true;
    std::uint64_t unsent = 0;
    std::deque<wire::HubFromClient> said;
};

struct Table {
    explicit Table(std::int64_t weights = 100) {
        graph::Builder builder("g");
        const auto x = builder.input("x", {tensor::ElementType::f32, {weights}});
        auto random = test::generator();
        builder.output(
            "y", builder.map(
                     "add", {x, builder.constant(test::random_tensor(random, {tensor::ElementType::f32, {weights}}))}));
        graph = builder.finish();
        wire::address_constants(graph);
    }

    void greet() {
        talk.connected(now);
        talk.message(wire::encode(wire::Welcome{1, "hub", "1"}), now);
    }
    void open(std::uint64_t ticket = 0) {
        OpenCall call;
        call.ticket = ticket;
        call.models = {{graph, wire::digest_of(graph)}};
        call.options.timeout = std::chrono::seconds(60);
        call.options.deadline = deadline;
        call.options.max_in_flight = most;
        call.view = std::make_shared<client::ModelView>();
        call.done = [this](OpenResult result) { opened.push_back(std::move(result)); };
        talk.open(std::move(call), now);
    }
    void say_opened(std::uint64_t task, std::uint64_t model) {
        talk.message(wire::encode(wire::Opened{task, model, 4, {}, {"board"}}), now);
    }
    void submit(std::uint64_t ticket, milliseconds within) {
        client::Submission out;
        out.ticket = ticket;
        out.model = std::get<std::uint64_t>(opened.at(0));
        out.inputs = {Tensor({tensor::ElementType::f32, {100}})};
        out.deadline = now + within;
        out.done = [this, ticket](Reply reply) { replies.emplace_back(ticket, std::move(reply)); };
        talk.submit(std::move(out), now);
    }
    // A model that is open at the hub as number 9.
    void begin() {
        greet();
        open();
        say_opened(line.take<wire::OpenModel>().at(0).task, 9);
        REQUIRE(opened.size() == 1);
    }

    graph::Graph graph;
    FakeLine line;
    base::TimePoint now = base::TimePoint{} + std::chrono::hours(5);
    std::optional<base::TimePoint> deadline;  // of opening
    std::uint32_t most = 0;                   // in flight
    int joined = 0;
    Conversation talk{{}, "1", line, [this](auto) { ++joined; }};
    std::vector<OpenResult> opened;
    std::vector<std::pair<std::uint64_t, Reply>> replies;
};

}  // namespace

TEST_CASE("Weights leave no faster than the network takes them") {
    Table table(8 << 20);
    table.greet();
    table.open();
    (void)table.line.take<wire::OpenModel>();
    const auto digest = wire::blobs_of(table.graph).at(0).digest;
    table.line.unsent = 0;
    for (std::uint64_t offset = 0; offset < 32U << 20; offset += 8U << 20)
        table.talk.message(wire::encode(wire::BlobRequest{digest, offset, 8U << 20}), table.now);
    CHECK(table.line.take<wire::Blob>().size() == 2);
    CHECK(table.talk.tick(table.now) <= table.now + milliseconds(10));
    table.line.unsent = 0;
    (void)table.talk.tick(table.now);
    const auto rest = table.line.take<wire::Blob>();
    REQUIRE(rest.size() == 2);
    CHECK(rest[1].offset == 24U << 20);
    CHECK(rest[1].total == 32U << 20);
    CHECK(table.talk.tick(table.now) > table.now + std::chrono::seconds(10));
}

TEST_CASE("Blobs that are not there, and pieces beyond their end, are missing") {
    Table table;
    table.greet();
    table.open();
    table.talk.message(wire::encode(wire::BlobRequest{base::Digest::of("other"), 0, 10}), table.now);
    table.talk.message(wire::encode(wire::BlobRequest{wire::blobs_of(table.graph).at(0).digest, 401, 10}), table.now);
    CHECK(table.line.take<wire::BlobMissing>().size() == 2);
    table.talk.message(wire::encode(wire::BlobRequest{wire::blobs_of(table.graph).at(0).digest, 395, 10}), table.now);
    CHECK(table.line.take<wire::Blob>().at(0).bytes.size() == 5);
}

TEST_CASE("A deadline passes at its time, and the hub hears how much is left") {
    Table table;
    table.begin();
    table.submit(1, milliseconds(250));
    table.submit(2, std::chrono::hours(100));
    const auto sent = table.line.take<wire::Submit>();
    REQUIRE(sent.size() == 2);
    CHECK(sent[0].remaining_ms == 250);
    CHECK(sent[1].remaining_ms == wire::kMaxRemainingMs);
    CHECK(table.talk.tick(table.now) == table.now + milliseconds(250));
    table.now += milliseconds(249);
    (void)table.talk.tick(table.now);
    CHECK(table.replies.empty());
    table.now += milliseconds(1);
    (void)table.talk.tick(table.now);
    REQUIRE(table.replies.size() == 1);
    CHECK(table.replies[0].second.error->code() == Code::timeout);
    CHECK(table.line.take<wire::CancelRequest>().at(0).request == sent[0].request);
    // An answer that comes too late is nobody's.
    table.talk.message(
        wire::encode(wire::Answer{sent[0].request, 0, 0, 1, {Tensor({tensor::ElementType::f32, {100}})}}), table.now);
    CHECK(table.replies.size() == 1);
}

TEST_CASE("An answer with other outputs than the model's is an error") {
    Table table;
    table.begin();
    table.submit(1, milliseconds(250));
    const auto request = table.line.take<wire::Submit>().at(0).request;
    table.talk.message(wire::encode(wire::Answer{request, 0, 0, 1, {Tensor({tensor::ElementType::f32, {101}})}}),
                       table.now);
    CHECK(table.replies.at(0).second.error->code() == Code::network);
}

TEST_CASE("A model that opens after its caller gave up is closed again") {
    Table table;
    table.greet();
    table.open();
    const auto task = table.line.take<wire::OpenModel>().at(0).task;
    table.now += std::chrono::seconds(60);
    (void)table.talk.tick(table.now);
    CHECK(std::get<base::Error>(table.opened.at(0)).code() == Code::timeout);
    table.say_opened(task, 9);
    CHECK(table.line.take<wire::CloseModel>().at(0).model == 9);
    CHECK(table.opened.size() == 1);
}

TEST_CASE("No more requests are with the hub than were asked for; others wait, and leave in their order") {
    Table table;
    table.most = 2;
    table.greet();
    table.open();
    const auto open = table.line.take<wire::OpenModel>().at(0);
    CHECK(open.max_in_flight == 2);
    table.say_opened(open.task, 9);
    for (std::uint64_t ticket = 1; ticket <= 6; ++ticket)
        table.submit(ticket, std::chrono::seconds(ticket == 6 ? 1 : 30));
    auto sent = table.line.take<wire::Submit>();
    REQUIRE(sent.size() == 2);
    CHECK(table.talk.tick(table.now) == table.now + std::chrono::seconds(1));  // nothing to do until then
    const auto next = [&] {
        (void)table.talk.tick(table.now);
        auto more = table.line.take<wire::Submit>();
        REQUIRE(more.size() == 1);
        return more[0].request;
    };
    table.talk.message(
        wire::encode(wire::Answer{sent[0].request, 0, 0, 1, {Tensor({tensor::ElementType::f32, {100}})}}), table.now);
    const auto third = next();
    table.talk.cancel(2);
    (void)next();
    table.talk.message(wire::encode(wire::RequestFailed{third, Code::device, "it broke"}), table.now);
    (void)next();
    table.now += std::chrono::seconds(1);
    (void)table.talk.tick(table.now);
    REQUIRE(table.replies.size() == 4);
    CHECK(table.replies[3].first == 6);  // never sent: its deadline passed here
    table.line.up = false;
    table.talk.disconnected(table.now, "it broke");
    table.line.up = true;
    table.greet();
    table.submit(7, std::chrono::seconds(30));
    table.say_opened(table.line.take<wire::OpenModel>().at(0).task, 10);
    CHECK(table.line.take<wire::Submit>().size() == 2);  // 4 and 5 again
}

TEST_CASE("Opening goes on for as long as the hub comes further, but not beyond a deadline") {
    Table table;
    table.greet();
    table.open();
    const auto start = table.now;
    table.deadline = start + std::chrono::seconds(100);
    table.open();
    const auto asked = table.line.take<wire::OpenModel>();
    REQUIRE(asked.size() == 2);
    const auto progress = [&](const char* phase, std::uint64_t done) {
        for (const auto& open : asked)
            table.talk.message(wire::encode(wire::OpenProgress{open.task, phase, done, 1000}), table.now);
        (void)table.talk.tick(table.now);
    };
    for (std::uint64_t i = 1; i < 5; ++i) {
        table.now = start + i * std::chrono::seconds(50);
        progress("weights", i * 100);
        CHECK(table.opened.size() == (i >= 2 ? 1 : 0));  // the one with a deadline
    }
    table.now += std::chrono::seconds(40);
    progress("measuring", 400);
    CHECK(table.talk.tick(table.now) == table.now + std::chrono::seconds(60));
    for (int i = 0; i < 2; ++i) {
        table.now += std::chrono::seconds(30);
        progress("measuring", 400);  // no further than before
    }
    REQUIRE(table.opened.size() == 2);
    for (const auto& result : table.opened)
        CHECK(std::get<base::Error>(result).code() == Code::timeout);
}

TEST_CASE("Opening that is taken back ends at once, and what opens later is closed again") {
    Table table;
    table.greet();
    table.open(5);
    const auto task = table.line.take<wire::OpenModel>().at(0).task;
    table.talk.cancel_opening(4);  // somebody else's
    CHECK(table.opened.empty());
    table.talk.cancel_opening(5);
    REQUIRE(table.opened.size() == 1);
    CHECK(std::get<base::Error>(table.opened[0]).code() == Code::cancelled);
    table.say_opened(task, 9);
    CHECK(table.line.take<wire::CloseModel>().at(0).model == 9);
    table.open(6);
    table.say_opened(table.line.take<wire::OpenModel>().at(0).task, 10);
    table.talk.cancel_opening(6);  // too late: it is open
    CHECK(table.opened.size() == 2);
    CHECK(table.line.take<wire::CloseModel>().empty());
}

TEST_CASE("Losing the hub any number of times repeats what is open, each time under a new number") {
    Table table;
    table.begin();
    table.submit(1, std::chrono::seconds(30));
    std::vector<std::uint64_t> numbers;
    for (int round = 0; round < 5; ++round) {
        const auto sent = table.line.take<wire::Submit>();
        REQUIRE(sent.size() == 1);
        CHECK(std::find(numbers.begin(), numbers.end(), sent[0].request) == numbers.end());
        numbers.push_back(sent[0].request);
        table.line.up = false;
        table.talk.disconnected(table.now, "it broke");
        (void)table.talk.tick(table.now);
        table.line.up = true;
        table.greet();
        const auto opened = table.line.take<wire::OpenModel>();
        REQUIRE(opened.size() == 1);
        table.say_opened(opened[0].task, 10 + static_cast<std::uint64_t>(round));
    }
    const auto last = table.line.take<wire::Submit>().at(0);
    CHECK(last.model == 14);
    table.talk.message(wire::encode(wire::Answer{numbers[0], 0, 0, 1, {Tensor({tensor::ElementType::f32, {100}})}}),
                       table.now);
    CHECK(table.replies.empty());  // of a hub that is gone
    table.talk.message(wire::encode(wire::Answer{last.request, 0, 0, 1, {Tensor({tensor::ElementType::f32, {100}})}}),
                       table.now);
    REQUIRE(table.replies.size() == 1);
    CHECK(table.replies[0].second.attempts == 6);
    CHECK(table.joined == 6);
}

TEST_CASE("A hub that says goodbye is gone before its connection is") {
    Table table;
    table.begin();
    table.submit(1, milliseconds(100));
    (void)table.line.take<wire::Submit>();
    table.talk.message(wire::encode(wire::Goodbye{"maintenance"}), table.now);
    table.submit(2, milliseconds(100));
    CHECK(table.line.take<wire::Submit>().empty());
    table.now += milliseconds(100);
    (void)table.talk.tick(table.now);
    REQUIRE(table.replies.size() == 2);
    CHECK(std::string(table.replies[0].second.error->what()).find("maintenance") != std::string::npos);
}

TEST_CASE("Every message of the hub may be cut short or have bits turned over") {
    auto random = test::generator();
    for (int round = 0; round < 300; ++round) {
        Table table;
        table.begin();
        table.submit(1, milliseconds(100));
        const auto request = table.line.take<wire::Submit>().at(0).request;
        const std::vector<wire::Frames> messages{
            wire::encode(wire::Answer{request, 0, 0, 1, {Tensor({tensor::ElementType::f32, {100}})}}),
            wire::encode(wire::RequestFailed{request, Code::device, "no"}),
            wire::encode(wire::Opened{1, 9, 4, {}, {"board"}}),
            wire::encode(wire::Replanned{9, 1, "why", {}, {"board"}}),
            wire::encode(wire::Refused{1, Code::refused, "no"}),
            wire::encode(wire::Welcome{1, "hub", "1"}),
            wire::encode(wire::Goodbye{"why"})};
        for (auto frames : messages) {
            auto& frame = frames[random() % frames.size()];
            std::vector<std::byte> bytes(frame.view().begin(), frame.view().end());
            if (random() % 2 == 0) bytes.resize(random() % (bytes.size() + 1));
            if (!bytes.empty()) bytes[random() % bytes.size()] ^= static_cast<std::byte>(1U << random() % 8);
            frame = base::SharedBytes::own(std::move(bytes));
            table.talk.message(frames, table.now);
        }
        table.now += milliseconds(100);
        (void)table.talk.tick(table.now);
        CHECK(table.replies.size() == 1);
    }
}
