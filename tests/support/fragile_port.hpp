// A port that breaks when the test says so: cut off, as when its board loses power, or mute, as when its cable is
// pulled and nobody is told. Wrapped around the port of a node or client.
#pragma once

#include <atomic>
#include <memory>
#include <set>

#include "transport/port.hpp"

namespace shoal::test {

enum class Break { none, cut, mute };

/// What the test holds; the port may be gone already.
using BreakSwitch = std::shared_ptr<std::atomic<Break>>;

class FragilePort final : public transport::Port {
public:
    FragilePort(std::unique_ptr<transport::Port> inner, BreakSwitch broken)
        : inner_(std::move(inner)), broken_(std::move(broken)) {}

    std::string listen(const std::string& endpoint) override { return inner_->listen(endpoint); }
    transport::PeerId connect(const std::string& endpoint, const std::optional<transport::PublicKey>& server) override {
        const auto peer = inner_->connect(endpoint, server);
        peers_.insert(peer);
        return peer;
    }
    bool send(transport::PeerId peer, transport::Frames frames) override {
        if (*broken_ == Break::cut) return false;
        return *broken_ == Break::mute || inner_->send(peer, std::move(frames));
    }
    std::optional<transport::Event> wait(base::TimePoint deadline) override {
        if (*broken_ == Break::cut) {
            for (const auto peer : peers_)
                inner_->disconnect(peer);
            peers_.clear();
        }
        auto event = inner_->wait(deadline);
        if (!event) return event;
        if (event->kind == transport::Event::Kind::connected) peers_.insert(event->peer);
        if (*broken_ == Break::none) return event;
        if (*broken_ == Break::cut) inner_->disconnect(event->peer);
        return std::nullopt;
    }
    void disconnect(transport::PeerId peer) override {
        peers_.erase(peer);
        inner_->disconnect(peer);
    }
    void wake() noexcept override { inner_->wake(); }
    void post(std::function<void()> work) override { inner_->post(std::move(work)); }
    transport::Counters counters(transport::PeerId peer) const override { return inner_->counters(peer); }
    std::uint64_t unsent_bytes(transport::PeerId peer) const override { return inner_->unsent_bytes(peer); }
    transport::Rejections rejections() const override { return inner_->rejections(); }
    base::TimePoint last_arrival(transport::PeerId peer) const override {
        return *broken_ == Break::none ? inner_->last_arrival(peer) : base::TimePoint{};
    }

private:
    std::unique_ptr<transport::Port> inner_;
    BreakSwitch broken_;
    std::set<transport::PeerId> peers_;
};

}  // namespace shoal::test
