#include "transport/shaped_port.hpp"

#include <algorithm>
#include <map>

#include "transport/checks.hpp"

namespace shoal::transport {

using base::TimePoint;
using Kind = Event::Kind;

namespace {

class ShapedPort final : public Port {
public:
    ShapedPort(std::unique_ptr<Port> inner, LinkShape shape) : inner_(std::move(inner)), shape_(shape) {}

    std::string listen(const std::string& endpoint) override { return inner_->listen(endpoint); }
    PeerId connect(const std::string& endpoint, const std::optional<PublicKey>& server) override {
        return inner_->connect(endpoint, server);
    }
    bool send(PeerId peer, Frames frames) override { return inner_->send(peer, std::move(frames)); }
    void wake() noexcept override { inner_->wake(); }
    void post(std::function<void()> work) override { inner_->post(std::move(work)); }
    Counters counters(PeerId peer) const override { return inner_->counters(peer); }
    std::uint64_t unsent_bytes(PeerId peer) const override { return inner_->unsent_bytes(peer); }
    Rejections rejections() const override { return inner_->rejections(); }
    TimePoint last_arrival(PeerId peer) const override {
        const auto at = lines_.find(peer);
        const TimePoint inside = inner_->last_arrival(peer);
        return at == lines_.end() ? inside : std::max(inside, std::min(at->second.crossed, base::SteadyClock::now()));
    }

    void disconnect(PeerId peer) override {
        inner_->disconnect(peer);
        for (auto at = held_.begin(); at != held_.end();)
            at = at->second.peer == peer ? held_.erase(at) : std::next(at);
        lines_.erase(peer);
    }

    std::optional<Event> wait(TimePoint deadline) override {
        for (;;) {
            if (!held_.empty() && held_.begin()->first <= base::SteadyClock::now()) return take();
            const auto until = held_.empty() ? deadline : std::min(deadline, held_.begin()->first);
            auto event = inner_->wait(until);
            const auto now = base::SteadyClock::now();
            if (event) {
                hold(std::move(*event), now);
            } else if (now < until || now >= deadline) {
                return std::nullopt;  // woken, or out of time
            }
        }
    }

private:
    struct Line {
        TimePoint free{};     // when the last message has crossed it
        TimePoint last{};     // when the last event is due
        TimePoint crossed{};  // when the last byte of its messages arrives
    };

    Event take() {
        Event event = std::move(held_.begin()->second);
        held_.erase(held_.begin());
        if (event.kind == Kind::disconnected) lines_.erase(event.peer);
        return event;
    }

    void hold(Event event, TimePoint now) {
        Line& line = lines_[event.peer];
        TimePoint due = now;
        if (event.kind == Kind::message) {
            TimePoint& free = shape_.shared_medium ? medium_free_ : line.free;
            free = std::max(free, now) + crossing(event);
            line.crossed = free;
            due = free + shape_.latency;
        }
        line.last = std::max(line.last, due);  // nothing overtakes: a peer is not gone before its messages are
        held_.emplace(line.last, std::move(event));
    }

    [[nodiscard]] base::Duration crossing(const Event& event) const {
        if (shape_.bytes_per_s <= 0) return {};
        return base::from_ms(1e3 * static_cast<double>(size_bytes(event.frames)) / shape_.bytes_per_s);
    }

    std::unique_ptr<Port> inner_;
    const LinkShape shape_;
    std::multimap<TimePoint, Event> held_;  // by the time that they are due; equal times keep their order
    std::map<PeerId, Line> lines_;
    TimePoint medium_free_{};
};

}  // namespace

std::unique_ptr<Port> make_shaped_port(std::unique_ptr<Port> inner, LinkShape shape) {
    return std::make_unique<ShapedPort>(std::move(inner), shape);
}

}  // namespace shoal::transport
