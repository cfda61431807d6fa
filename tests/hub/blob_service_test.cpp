#include "hub/blob_service.hpp"

#include <doctest/doctest.h>

#include "support/temporary_folder.hpp"
#include "wire/decode.hpp"

using namespace shoal;

namespace {

constexpr auto kBoard = static_cast<hub::PeerId>(1);

// A connection that takes nothing while it is full.
class FakeOutbox final : public hub::Outbox {
public:
    bool send(hub::PeerId, wire::Frames frames) override {
        auto message = wire::decode_board_from_hub(frames);
        if (const auto* blob = std::get_if<wire::Blob>(&message)) sent.push_back(blob->offset);
        return true;
    }
    void disconnect(hub::PeerId) override {}
    [[nodiscard]] std::uint64_t unsent_bytes(hub::PeerId) const override { return full ? 1ULL << 40 : 0; }
    [[nodiscard]] transport::Counters counters(hub::PeerId) const override { return {}; }
    [[nodiscard]] transport::Rejections rejections() const override { return {}; }
    [[nodiscard]] base::TimePoint last_arrival(hub::PeerId) const override { return {}; }

    bool full = false;
    std::vector<std::uint64_t> sent{};  // offsets
};

}  // namespace

TEST_CASE("a piece that is asked for again while it waits is sent once") {
    const test::TemporaryFolder folder;
    base::BlobStore store(folder.path(), 1 << 20);
    const auto bytes = base::SharedBytes::own(std::vector<std::byte>(1000));
    const auto digest = base::Digest::of(bytes.view());
    auto writer = store.writer(digest, bytes.size());
    writer.write(bytes.view());
    (void)writer.commit();
    FakeOutbox outbox;
    hub::BlobService service(store, outbox);
    outbox.full = true;
    for (int times = 0; times < 3; ++times) {
        for (std::uint64_t offset = 0; offset < 1000; offset += 100)
            service.asked(kBoard, {digest, offset, 100});
    }
    CHECK(service.tick());
    CHECK(outbox.sent.empty());
    outbox.full = false;
    CHECK_FALSE(service.tick());
    CHECK(outbox.sent == std::vector<std::uint64_t>{0, 100, 200, 300, 400, 500, 600, 700, 800, 900});
    service.asked(kBoard, {digest, 300, 100});  // it was sent and got lost
    CHECK(outbox.sent.size() == 11);
}
