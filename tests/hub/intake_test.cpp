// Weights on their way from clients into the hub's store, with the network and the disk's worker in the test's hands.
#include "hub/intake.hpp"

#include <doctest/doctest.h>

#include "support/temporary_folder.hpp"
#include "wire/decode.hpp"

using namespace shoal;
using base::Code;

namespace {

constexpr auto kAnna = static_cast<hub::PeerId>(1), kBert = static_cast<hub::PeerId>(2);
constexpr std::uint64_t kModel = 7, kOther = 8;

class Asked final : public hub::Outbox {
public:
    bool send(hub::PeerId peer, wire::Frames frames) override {
        auto message = wire::decode_client_from_hub(frames);
        if (const auto* request = std::get_if<wire::BlobRequest>(&message)) asked.emplace_back(peer, *request);
        return true;
    }
    void disconnect(hub::PeerId) override {}
    [[nodiscard]] std::uint64_t unsent_bytes(hub::PeerId) const override { return 0; }
    [[nodiscard]] transport::Counters counters(hub::PeerId) const override { return {}; }
    [[nodiscard]] transport::Rejections rejections() const override { return {}; }
    [[nodiscard]] base::TimePoint last_arrival(hub::PeerId) const override { return {}; }

    std::deque<std::pair<hub::PeerId, wire::BlobRequest>> asked{};
};

// Runs jobs when it is told to, and what they return later still.
class Disk final : public hub::Worker {
public:
    void run(std::function<Done()> job, bool urgent) override {
        jobs.insert(urgent ? jobs.begin() : jobs.end(), std::move(job));
    }
    void work() {
        while (!jobs.empty()) {
            const auto job = std::move(jobs.front());
            jobs.pop_front();
            if (auto done = job()) told.push_back(std::move(done));
        }
    }
    void tell() {
        while (!told.empty()) {
            const auto done = std::move(told.front());
            told.pop_front();
            done();
        }
    }
    void settle() {
        while (!jobs.empty() || !told.empty()) {
            work();
            tell();
        }
    }
    std::deque<std::function<Done()>> jobs{};
    std::deque<Done> told{};
};

struct Place {
    explicit Place(std::uint64_t limit = 1 << 26) : store(folder.path(), limit) {}

    base::SharedBytes made(std::size_t size, int seed = 1) {
        std::vector<std::byte> bytes(size);
        for (std::size_t i = 0; i < size; ++i)
            bytes[i] = static_cast<std::byte>(i * 31 + static_cast<std::size_t>(seed));
        return base::SharedBytes::own(std::move(bytes));
    }
    // Answers what was asked for from these bytes, whoever was asked.
    void answer(const base::SharedBytes& bytes) {
        while (!outbox.asked.empty()) {
            const auto [peer, request] = outbox.asked.front();
            outbox.asked.pop_front();
            intake.blob(peer, {request.digest, request.offset, bytes.size(),
                               bytes.slice(static_cast<std::size_t>(request.offset), request.size)});
        }
    }
    void bring(const base::SharedBytes& bytes) {
        disk.settle();
        while (!outbox.asked.empty()) {
            answer(bytes);
            disk.settle();
        }
    }
    [[nodiscard]] std::size_t unfinished() const {
        const auto files = std::filesystem::directory_iterator(folder / "new");
        return static_cast<std::size_t>(std::distance(begin(files), end(files)));
    }

    test::TemporaryFolder folder;
    base::BlobStore store;
    Asked outbox;
    Disk disk;
    hub::Intake intake{store, outbox, disk};
};

wire::BlobNeed need(const base::SharedBytes& bytes) {
    return {base::Digest::of(bytes.view()), bytes.size()};
}

// One client brings the weights of two models, the second's behind the first's.
struct TwoModels : Place {
    TwoModels() {
        intake.want(kModel, kAnna, {need(bytes)});
        disk.settle();
        intake.want(kOther, kAnna, {need(other)});
        disk.settle();
    }
    const base::SharedBytes bytes = made(wire::kChunkBytes), other = made(wire::kChunkBytes, 2);
};

}  // namespace

TEST_CASE("weights come in a window of pieces and are kept, without a wait for the disk") {
    Place place;
    const auto bytes = place.made(11 * wire::kChunkBytes + 5);
    const auto nothing = base::SharedBytes();
    place.intake.want(kModel, kAnna, {need(bytes), need(nothing)});
    CHECK_FALSE(place.intake.state(kModel).complete);
    CHECK(place.disk.jobs.size() == 1);  // the disk has not been looked at
    place.disk.settle();
    CHECK(place.outbox.asked.size() == 4);
    place.answer(bytes);
    CHECK(place.disk.jobs.size() == 4);  // the disk takes its time, and no more comes meanwhile, asked for or not
    place.intake.blob(kAnna, {need(bytes).digest, 4 * wire::kChunkBytes, bytes.size(),
                              bytes.slice(4 * wire::kChunkBytes, wire::kChunkBytes)});
    CHECK(place.disk.jobs.size() == 4);
    CHECK(place.intake.state(kModel).done == 0);
    place.bring(bytes);
    const auto state = place.intake.state(kModel);
    CHECK(state.complete);
    CHECK(state.done == bytes.size());
    CHECK(place.store.has(base::Digest::of(bytes.view())));
    CHECK(place.unfinished() == 0);
    place.intake.want(kOther, kBert, {need(bytes)});  // known by now
    place.disk.settle();
    CHECK(place.outbox.asked.empty());
    CHECK(place.intake.state(kOther).complete);
    place.intake.want(kOther, kBert, {});
    CHECK(place.intake.state(kOther).complete);
}

TEST_CASE("pieces that nobody asked for, of no size or too early cost nothing") {
    Place place;
    const auto bytes = place.made(3 * wire::kChunkBytes);
    const auto digest = base::Digest::of(bytes.view());
    const auto say = [&](std::uint64_t offset, std::size_t size) {
        place.intake.blob(kAnna, {digest, offset, bytes.size(), bytes.slice(0, size)});
    };
    place.intake.want(kModel, kAnna, {need(bytes)});
    say(0, 0);
    say(0, wire::kChunkBytes);
    CHECK(place.disk.jobs.size() == 1);  // the look
    place.disk.work();
    place.disk.tell();
    say(0, 0);
    say(0, wire::kChunkBytes);  // a place for it is still being made
    CHECK(place.disk.jobs.size() == 1);
    place.disk.settle();
    say(0, 0);
    say(0, 1);
    say(5, wire::kChunkBytes);
    say(wire::kChunkBytes, wire::kChunkBytes);
    CHECK(place.disk.jobs.empty());
    place.intake.blob(kBert, {digest, 0, bytes.size(), bytes.slice(0, wire::kChunkBytes)});
    CHECK(place.disk.jobs.empty());
    place.bring(bytes);
    CHECK(place.intake.state(kModel).complete);
}

TEST_CASE("bytes other than their digest says are their sender's fault, a full disk is nobody's") {
    Place place(4 * wire::kChunkBytes);
    const auto bytes = place.made(2 * wire::kChunkBytes), wrong = place.made(2 * wire::kChunkBytes, 2);
    place.intake.want(kModel, kAnna, {need(bytes)});
    place.bring(wrong);
    auto state = place.intake.state(kModel);
    REQUIRE(state.error);
    CHECK(state.sender_to_blame);
    CHECK_FALSE(state.complete);
    CHECK(place.unfinished() == 0);
    place.intake.want(kModel, kBert, {need(bytes)});  // another client has them right
    place.bring(bytes);
    CHECK(place.intake.state(kModel).complete);

    place.intake.want(kOther, kAnna, {need(place.made(8 * wire::kChunkBytes))});
    place.disk.settle();
    state = place.intake.state(kOther);
    REQUIRE(state.error);
    CHECK(state.error->code() == Code::does_not_fit);
    CHECK_FALSE(state.sender_to_blame);

    place.intake.want(kOther, kAnna, {need(place.made(wire::kChunkBytes, 3))});
    place.disk.settle();
    REQUIRE(place.outbox.asked.size() == 1);
    place.intake.blob(kAnna, {place.outbox.asked.front().second.digest, 0, 5, place.made(5)});
    state = place.intake.state(kOther);
    REQUIRE(state.error);
    CHECK(state.sender_to_blame);
}

TEST_CASE("a client that leaves leaves nothing half done, whatever was under way") {
    const auto bytes_of = [](Place& place) { return place.made(6 * wire::kChunkBytes); };
    for (int moment = 0; moment < 6; ++moment) {
        CAPTURE(moment);
        Place place;
        const auto bytes = moment == 5 ? place.made(wire::kChunkBytes) : bytes_of(place);
        place.intake.want(kModel, kAnna, {need(bytes)});
        if (moment >= 1) place.disk.work();    // looked, and not said
        if (moment >= 2) place.disk.settle();  // asked for
        if (moment >= 3) place.answer(bytes);  // pieces wait for the disk
        if (moment >= 4) place.disk.work();    // kept, at moment 5 as a whole, and not said
        const auto unfinished = place.unfinished();
        CHECK(unfinished == (moment >= 2 && moment < 5 ? 1 : 0));
        place.intake.lost(kAnna);
        CHECK(place.unfinished() == unfinished);  // the disk's thread removes it
        const auto state = place.intake.state(kModel);
        REQUIRE(state.error);
        CHECK(state.error->code() == Code::unavailable);
        CHECK(state.sender_to_blame);
        place.disk.work();
        if (moment == 3) CHECK(place.disk.told.empty());  // what was to be written is not
        place.disk.settle();
        CHECK(place.unfinished() == 0);
        CHECK(place.store.usage().pinned_bytes == 0);
        CHECK_FALSE(place.intake.state(kModel).complete);
        place.outbox.asked.clear();
        place.intake.want(kModel, kBert, {need(bytes)});
        place.bring(bytes);
        CHECK(place.intake.state(kModel).complete);
        place.intake.cancel(kModel);
        CHECK(place.store.usage().pinned_bytes == bytes.size());
        place.disk.settle();
        CHECK(place.store.usage().pinned_bytes == 0);
    }
}

TEST_CASE("two models of one client wait for each other, and one that is closed lets the other go on") {
    TwoModels place;
    REQUIRE(place.outbox.asked.size() == 1);
    place.intake.cancel(kModel);
    place.disk.settle();
    REQUIRE(place.outbox.asked.size() == 2);
    place.outbox.asked.pop_front();
    place.bring(place.other);
    CHECK(place.intake.state(kOther).complete);
    CHECK(place.intake.state(kModel).client == hub::PeerId::none);
}

TEST_CASE("what a job brings for a wish that has changed meanwhile is dropped") {
    Place place;
    const auto known = place.made(wire::kChunkBytes), fresh = place.made(wire::kChunkBytes, 2);
    place.intake.want(kModel, kAnna, {need(known)});
    place.bring(known);
    place.intake.want(kModel, kAnna, {need(known)});
    place.disk.work();
    place.intake.want(kModel, kBert, {need(fresh)});
    place.disk.tell();
    CHECK_FALSE(place.intake.state(kModel).complete);
    place.disk.settle();
    place.answer(fresh);
    place.intake.want(kModel, kAnna, {need(fresh)});  // with a piece on its way to the disk
    place.disk.settle();
    REQUIRE(place.outbox.asked.size() == 1);
    CHECK(place.outbox.asked.front().first == kAnna);
    place.bring(fresh);
    CHECK(place.intake.state(kModel).complete);
    place.intake.cancel(kModel);
    place.disk.settle();
    CHECK(place.store.usage().pinned_bytes == 0);
}

TEST_CASE("a model goes on when the one before it is whole, and when it has failed") {
    for (const bool fails : {false, true}) {
        TwoModels place;
        const auto& other = place.other;
        place.answer(fails ? other : place.bytes);
        place.disk.settle();
        CHECK(place.intake.state(kModel).complete == !fails);
        REQUIRE(place.outbox.asked.size() == 1);
        CHECK(place.outbox.asked.front().second.digest == need(other).digest);
        place.bring(other);
        CHECK(place.intake.state(kOther).complete);
    }
}

TEST_CASE("two clients that bring the same weights at once both have them kept, once") {
    Place place;
    const auto bytes = place.made(2 * wire::kChunkBytes);
    place.intake.want(kModel, kAnna, {need(bytes)});
    place.intake.want(kOther, kBert, {need(bytes)});
    place.bring(bytes);
    CHECK(place.intake.state(kModel).complete);
    CHECK(place.intake.state(kOther).complete);
    CHECK(place.store.usage().bytes == bytes.size());
    CHECK(place.unfinished() == 0);

    const auto late = place.made(wire::kChunkBytes, 3), first = place.made(wire::kChunkBytes, 4);
    place.intake.want(kModel, kAnna, {need(first), need(late)});
    place.intake.want(kOther, kBert, {need(late)});
    place.disk.settle();
    const auto to = [&](hub::PeerId peer, const base::SharedBytes& which) {
        place.intake.blob(peer, {need(which).digest, 0, which.size(), which});
        place.disk.settle();
    };
    to(kBert, late);
    to(kAnna, first);  // the next one has come for the other model
    CHECK(place.intake.state(kModel).complete);
    CHECK(place.intake.state(kOther).complete);
}

TEST_CASE("what cannot be kept removes nothing that is") {
    Place place(4 * wire::kChunkBytes);
    const auto bytes = place.made(wire::kChunkBytes);
    (void)place.store.put(bytes.view());
    place.intake.want(kModel, kAnna, {{need(place.made(1)).digest, 5 * wire::kChunkBytes}});
    place.disk.settle();
    CHECK(place.intake.state(kModel).error);
    CHECK(place.store.has(need(bytes).digest));
}

TEST_CASE("a client that sends nothing is given up after a minute, one that waits for the disk is not") {
    Place place;
    const auto bytes = place.made(6 * wire::kChunkBytes);
    auto now = base::TimePoint{} + std::chrono::hours(1);
    const auto pass = [&](int seconds) {
        place.intake.tick(now);
        now += std::chrono::seconds(seconds);
        place.intake.tick(now);
        return place.intake.state(kModel).error.has_value();
    };
    const auto other = place.made(wire::kChunkBytes, 2);
    place.intake.want(kModel, kAnna, {need(bytes)});
    place.disk.settle();
    place.intake.want(kOther, kAnna, {need(other)});
    place.disk.settle();
    const auto send_one = [&] {
        const auto request = place.outbox.asked.front().second;
        place.outbox.asked.pop_front();
        place.intake.blob(kAnna, {request.digest, request.offset, bytes.size(),
                                  bytes.slice(static_cast<std::size_t>(request.offset), request.size)});
    };
    for (int piece = 0; piece < 3; ++piece) {  // slow, and steady
        CHECK_FALSE(pass(59));
        send_one();
    }
    place.answer(bytes);
    CHECK_FALSE(pass(61));
    CHECK_FALSE(pass(61));
    place.disk.settle();
    CHECK_FALSE(pass(59));
    CHECK(pass(61));
    CHECK(place.intake.state(kModel).sender_to_blame);
    CHECK(place.intake.state(kOther).error);  // it would wait as long again for that one
    place.disk.settle();
    CHECK(place.unfinished() == 0);
}
