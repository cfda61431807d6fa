#include "node/blobs.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "wire/limits.hpp"

namespace shoal::node {

using base::Code;
using base::Digest;

namespace {

constexpr std::size_t kPiecesAtOnce = 4;
// For a piece, before it is asked for again: as long as the hub waits for one of a client's. Slow links take long, and
// what is asked for twice comes twice.
constexpr std::chrono::seconds kPatience{60};

std::uint64_t disk_share(const std::filesystem::path& folder) {
    std::error_code error;
    const auto space = std::filesystem::space(folder, error);
    return error ? std::uint64_t{1} << 40 : space.capacity / 10 * 9;
}

}  // namespace

// What only the disk's thread touches.
struct Shelf {
    explicit Shelf(const std::filesystem::path& folder) : store(folder, disk_share(folder.parent_path())) {}
    base::BlobStore store;
    std::set<Digest> verified{};
};
struct Incoming {
    std::optional<base::BlobWriter> writer{};
};

struct Blobs::Order {
    Asker asker;
    Found got{};
    std::size_t missing = 0;
    std::uint64_t done = 0, total = 0;
    bool over = false;
};

Blobs::Blobs(const std::filesystem::path& folder, std::shared_ptr<Inbox> inbox, MemoryMeter& meter,
             std::function<void(const wire::BlobRequest&)> ask)
    : inbox_(std::move(inbox)),
      meter_(meter),
      ask_(std::move(ask)),
      shelf_(std::make_shared<Shelf>(folder)),
      disk_("the disk's thread", ~std::size_t{0}) {
    look_at_usage();
}

void Blobs::want(const std::vector<wire::BlobNeed>& needs, Asker asker) {
    auto order = std::make_shared<Order>(Order{std::move(asker)});
    order->missing = needs.size();
    for (const auto& need : needs)
        order->total += need.size_bytes;
    if (needs.empty()) {
        inbox_->post([order] { order->asker.found({}); });
        return;
    }
    for (const auto& need : needs) {
        auto& fetch = fetches_[need.digest];
        fetch.orders.push_back(order);
        if (fetch.orders.size() > 1) continue;
        fetch.size = need.size_bytes;
        look_up(need.digest, need.size_bytes);
    }
}

void Blobs::look_up(const Digest& digest, std::uint64_t size) {
    const auto look = [shelf = shelf_, digest, size]() -> std::shared_ptr<const Weight> {
        if (size == 0) return std::make_shared<Weight>();
        auto pin = shelf->store.pin(digest);
        if (!pin) return nullptr;
        auto bytes = shelf->store.open(digest, shelf->verified.count(digest) == 0);
        if (!bytes || bytes->size() != size) return nullptr;
        shelf->verified.insert(digest);
        return std::make_shared<Weight>(Weight{std::move(*bytes), std::move(*pin)});
    };
    static_cast<void>(disk_.submit(DeviceWorker::Kind::other, [this, inbox = inbox_, look, digest] {
        std::shared_ptr<const Weight> weight;
        try {
            weight = look();
        } catch (const base::Error& error) {
            base::log_warning("node", "weights on the disk cannot be read: ", error.what());
        }
        inbox->post([this, digest, weight] { weight ? found(digest, weight) : absent(digest); });
    }));
}

void Blobs::found(const Digest& digest, std::shared_ptr<const Weight> weight) {
    const auto at = fetches_.find(digest);
    if (at == fetches_.end()) return;
    const Fetch fetch = std::move(at->second);
    fetches_.erase(at);
    for (const auto& order : fetch.orders) {
        if (order->over) continue;
        order->got.emplace(digest, weight);
        order->done += fetch.from_hub ? 0 : fetch.size;
        if (--order->missing > 0) continue;
        order->over = true;
        order->asker.found(std::move(order->got));
    }
}

void Blobs::failed(const Digest& digest, const Failure& failure) {
    const auto at = fetches_.find(digest);
    if (at == fetches_.end()) return;
    const Fetch fetch = std::move(at->second);
    fetches_.erase(at);
    expect_no_more(fetch);
    for (const auto& order : fetch.orders) {
        if (std::exchange(order->over, true)) continue;
        order->asker.failed(failure);
    }
}

void Blobs::absent(const Digest& digest) {
    const auto at = fetches_.find(digest);
    if (at == fetches_.end() || at->second.from_hub) return;
    at->second.from_hub = true;
    at->second.incoming = std::make_shared<Incoming>();
    queue_.push_back(digest);
    ask_more(base::SteadyClock::now());
}

void Blobs::ask_more(base::TimePoint now) {
    while (!queue_.empty() && asked_ + writing_ < kPiecesAtOnce) {
        const auto at = fetches_.find(queue_.front());
        if (at == fetches_.end() || at->second.asked >= at->second.size) {
            queue_.pop_front();
            continue;
        }
        Fetch& fetch = at->second;
        const auto piece = std::min<std::uint64_t>(wire::kChunkBytes, fetch.size - fetch.asked);
        if (asked_++ == 0) last_progress_ = now;
        ask_({at->first, fetch.asked, static_cast<std::uint32_t>(piece)});
        fetch.asked += piece;
    }
}

void Blobs::expect_no_more(const Fetch& fetch) {
    const auto pieces = (fetch.asked - fetch.received + wire::kChunkBytes - 1) / wire::kChunkBytes;
    asked_ -= std::min<std::size_t>(asked_, pieces);
}

bool Blobs::take(wire::Blob message, base::TimePoint now) {
    const auto at = fetches_.find(message.digest);
    if (at == fetches_.end() || !at->second.from_hub) return false;
    Fetch& fetch = at->second;
    const auto piece = std::min<std::uint64_t>(wire::kChunkBytes, fetch.size - fetch.received);
    if (message.offset != fetch.received || message.offset >= fetch.asked || message.bytes.size() != piece)
        return false;
    if (message.total != fetch.size) {
        failed(message.digest, {Code::network, base::text("weights ", message.digest.brief(), " have ", fetch.size,
                                                          " bytes; the hub's have ", message.total)});
        return true;
    }
    last_progress_ = now;
    fetch.received += piece;
    --asked_;
    for (const auto& order : fetch.orders) {
        order->done += piece;
        if (!order->over && order->asker.progress) order->asker.progress(order->done, order->total);
    }
    write(message.digest, fetch, std::move(message.bytes));
    return true;
}

void Blobs::write(const Digest& digest, Fetch& fetch, base::SharedBytes bytes) {
    const bool is_last = fetch.received == fetch.size;
    auto held = std::make_shared<MemoryMeter::Share>(meter_.hold(bytes.size()));
    const auto put = [shelf = shelf_, incoming = fetch.incoming, digest, size = fetch.size, is_last,
                      bytes = std::move(bytes)]() -> std::shared_ptr<const Weight> {
        if (!incoming->writer) incoming->writer.emplace(shelf->store.writer(digest, size));
        incoming->writer->write(bytes.view());
        if (!is_last) return nullptr;
        auto pin = incoming->writer->commit();
        incoming->writer.reset();
        shelf->verified.insert(digest);
        auto mapped = shelf->store.open(digest);
        base::ensure(mapped.has_value(), "weights ", digest.brief(), " are gone again");
        return std::make_shared<Weight>(Weight{std::move(*mapped), std::move(pin)});
    };
    const auto generation = generation_;
    ++writing_;
    static_cast<void>(
        disk_.submit(DeviceWorker::Kind::other, [this, inbox = inbox_, put, digest, is_last, generation, held] {
            std::shared_ptr<const Weight> weight;
            Failure failure{Code::internal, {}};
            try {
                weight = put();
            } catch (const base::Error& error) {
                failure = {error.code() == Code::invalid_argument ? Code::network : error.code(), error.what()};
            } catch (const std::exception& error) {
                failure.text = error.what();
            }
            held->release();
            inbox->post([this, digest, is_last, generation, weight, failure] {
                if (generation != generation_) return;
                --writing_;
                if (weight) found(digest, weight);
                if (!failure.text.empty()) failed(digest, failure);
                if (is_last) look_at_usage();
                ask_more(base::SteadyClock::now());
            });
        }));
}

bool Blobs::take(const wire::BlobMissing& message) {
    const auto at = fetches_.find(message.digest);
    if (at == fetches_.end() || !at->second.from_hub) return false;
    failed(message.digest,
           {Code::not_found, base::text("the hub does not have the weights ", message.digest.brief(), " either")});
    ask_more(base::SteadyClock::now());
    return true;
}

void Blobs::forget() {
    ++generation_;
    fetches_.clear();
    queue_.clear();
    asked_ = writing_ = 0;
}

void Blobs::step(base::TimePoint now) {
    if (asked_ == 0 || now - last_progress_ < kPatience) return;
    last_progress_ = now;
    asked_ = 0;
    queue_.clear();
    for (auto& [digest, fetch] : fetches_) {
        if (!fetch.from_hub || fetch.received == fetch.size) continue;
        fetch.asked = fetch.received;
        queue_.push_back(digest);
    }
    ask_more(now);
}

void Blobs::look_at_usage() {
    static_cast<void>(disk_.submit(DeviceWorker::Kind::other, [this, inbox = inbox_, shelf = shelf_] {
        std::uint64_t bytes = 0;
        try {
            bytes = shelf->store.usage().bytes;
        } catch (const base::Error&) {
            return;
        }
        inbox->post([this, bytes] { cached_bytes_ = bytes; });
    }));
}

}  // namespace shoal::node
