// The weights that stages need: found on the disk, or pulled from the hub piece by piece and kept there by their
// content hash, so that nothing travels twice. Belongs to the node's thread; the disk has a thread of its own.
#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "node/device_worker.hpp"
#include "node/inbox.hpp"
#include "node/meter.hpp"
#include "node/stage.hpp"
#include "wire/data_messages.hpp"
#include "wire/graph_codec.hpp"

namespace shoal::node {

class Blobs {
public:
    using Found = std::map<base::Digest, std::shared_ptr<const Weight>>;
    struct Failure {
        base::Code code = base::Code::internal;
        std::string text{};
    };
    /// Called on the node's thread, never inside want().
    struct Asker {
        std::function<void(Found)> found{};
        std::function<void(Failure)> failed{};
        std::function<void(std::uint64_t done, std::uint64_t total)> progress{};
    };

    /// `ask` sends a request to the hub. Throws what opening the folder throws.
    Blobs(const std::filesystem::path& folder, std::shared_ptr<Inbox> inbox, MemoryMeter& meter,
          std::function<void(const wire::BlobRequest&)> ask);

    void want(const std::vector<wire::BlobNeed>& needs, Asker asker);
    /// False when nobody asked for it.
    [[nodiscard]] bool take(wire::Blob message, base::TimePoint now);
    [[nodiscard]] bool take(const wire::BlobMissing& message);
    /// The hub is gone: nobody waits any more.
    void forget();
    /// Asks again for what has not come for long.
    void step(base::TimePoint now);

    /// On the disk, as last looked.
    [[nodiscard]] std::uint64_t cached_bytes() const noexcept { return cached_bytes_; }
    void stop(base::Duration grace) noexcept { disk_.stop(grace); }

private:
    struct Order;  // what one asker waits for
    struct Fetch {
        std::uint64_t size = 0;
        bool from_hub = false;  // false: still looked for on the disk
        std::uint64_t asked = 0, received = 0;
        std::shared_ptr<struct Incoming> incoming{};  // the disk's
        std::vector<std::shared_ptr<Order>> orders{};
    };

    void look_up(const base::Digest& digest, std::uint64_t size);
    void found(const base::Digest& digest, std::shared_ptr<const Weight> weight);
    void absent(const base::Digest& digest);
    void failed(const base::Digest& digest, const Failure& failure);
    void ask_more(base::TimePoint now);
    void expect_no_more(const Fetch& fetch);
    void write(const base::Digest& digest, Fetch& fetch, base::SharedBytes bytes);
    void look_at_usage();

    std::shared_ptr<Inbox> inbox_;
    MemoryMeter& meter_;
    std::function<void(const wire::BlobRequest&)> ask_;
    std::shared_ptr<struct Shelf> shelf_;  // the disk's
    std::map<base::Digest, Fetch> fetches_;
    std::deque<base::Digest> queue_;       // of those from the hub that have not been asked for wholly
    std::size_t asked_ = 0, writing_ = 0;  // pieces on their way, and on their way to the disk
    std::uint64_t generation_ = 0;
    std::uint64_t cached_bytes_ = 0;
    base::TimePoint last_progress_{};
    DeviceWorker disk_;
};

}  // namespace shoal::node
