// A port that cannot be trusted: what it delivers is dropped, doubled, swapped, shortened, damaged or late, as dice
// say. Wrapped around a real port, it plays the bad network and the hostile peer to whoever owns it. Connections
// themselves are reported truthfully.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <random>

#include "transport/port.hpp"

namespace shoal::test {

/// How often each lie is told, as a probability for each message.
struct Lies {
    double drop = 0;       ///< the message is gone
    double duplicate = 0;  ///< it comes twice
    double reorder = 0;    ///< it comes after the next one
    double truncate = 0;   ///< its last frames, or the end of one frame, are missing
    double damage = 0;     ///< one bit is another
};

class LyingPort final : public transport::Port {
public:
    LyingPort(std::unique_ptr<transport::Port> inner, Lies lies, unsigned seed)
        : inner_(std::move(inner)), lies_(lies), dice_(seed) {}

    /// The truth from now on, or other lies.
    void set_lies(Lies lies) { lies_ = lies; }
    [[nodiscard]] int told() const noexcept { return told_; }

    std::string listen(const std::string& endpoint) override { return inner_->listen(endpoint); }
    transport::PeerId connect(const std::string& endpoint, const std::optional<transport::PublicKey>& server) override {
        return inner_->connect(endpoint, server);
    }
    bool send(transport::PeerId peer, transport::Frames frames) override {
        return inner_->send(peer, std::move(frames));
    }
    void disconnect(transport::PeerId peer) override {
        inner_->disconnect(peer);
        std::erase_if(ready_, [&](const auto& event) { return event.peer == peer; });
        std::erase_if(late_, [&](const auto& event) { return event.peer == peer; });
    }
    void wake() noexcept override { inner_->wake(); }
    void post(std::function<void()> work) override { inner_->post(std::move(work)); }
    transport::Counters counters(transport::PeerId peer) const override { return inner_->counters(peer); }
    std::uint64_t unsent_bytes(transport::PeerId peer) const override { return inner_->unsent_bytes(peer); }
    transport::Rejections rejections() const override { return inner_->rejections(); }
    base::TimePoint last_arrival(transport::PeerId peer) const override { return inner_->last_arrival(peer); }

    std::optional<transport::Event> wait(base::TimePoint deadline) override {
        while (ready_.empty()) {
            auto event = inner_->wait(deadline);
            if (event) {
                take(std::move(*event));
                continue;
            }
            if (late_.empty()) return std::nullopt;
            release_late();  // nothing came behind it: late, but not lost
        }
        transport::Event event = std::move(ready_.front());
        ready_.pop_front();
        return event;
    }

private:
    using Event = transport::Event;

    bool roll(double probability) {
        const bool lie = std::uniform_real_distribution<double>(0, 1)(dice_) < probability;
        told_ += lie ? 1 : 0;
        return lie;
    }
    std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(dice_); }

    void take(Event event) {
        if (event.kind != Event::Kind::message) {
            release_late();
            ready_.push_back(std::move(event));
            return;
        }
        if (roll(lies_.drop)) return;
        if (roll(lies_.truncate)) truncate(event.frames);
        if (roll(lies_.damage)) damage(event.frames);
        if (event.frames.empty()) return;
        if (roll(lies_.reorder)) {
            late_.push_back(std::move(event));
            return;
        }
        if (roll(lies_.duplicate)) ready_.push_back(event);
        ready_.push_back(std::move(event));
        release_late();
    }

    void release_late() {
        for (auto& event : late_)
            ready_.push_back(std::move(event));
        late_.clear();
    }

    void truncate(transport::Frames& frames) {
        if (below(2) == 0) {
            frames.resize(below(frames.size() + 1));
            return;
        }
        auto& frame = frames[below(frames.size())];
        if (!frame.empty()) frame = frame.slice(0, below(frame.size()));
    }

    void damage(transport::Frames& frames) {
        if (frames.empty()) return;
        auto& frame = frames[below(frames.size())];
        if (frame.empty()) return;
        std::vector<std::byte> bytes(frame.view().begin(), frame.view().end());
        bytes[below(bytes.size())] ^= static_cast<std::byte>(1U << below(8));
        frame = base::SharedBytes::own(std::move(bytes));
    }

    std::unique_ptr<transport::Port> inner_;
    Lies lies_;
    std::mt19937 dice_;
    std::deque<Event> ready_, late_;
    int told_ = 0;
};

}  // namespace shoal::test
