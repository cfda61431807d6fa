#include "transport/guard.hpp"

#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"

namespace shoal::transport {
namespace {

// Between looks at what has arrived: at 1 Gbit/s 6 MB come in that time.
constexpr long kLookMs = 50;

}  // namespace

Guard::Guard(zmq::context_t& context, const PortOptions& options, platform::Bell& owner)
    : most_connections_(options.limits.connections), owner_(owner), watch_(options.limits, options.timing) {
    try {
        if (options.keys) doorman_ = std::make_unique<Doorman>(context, options.allowed);
        thread_ = std::thread([this] { run(); });
    } catch (const zmq::error_t& error) {
        base::fail(base::Code::network, "cannot start checking keys: ", error.what());
    }
}

Guard::~Guard() {
    stop_ = true;
    bell_.ring();
    thread_.join();
}

void Guard::run() {
    while (!stop_) {
        std::vector<zmq::pollitem_t> items{{nullptr, bell_.descriptor(), ZMQ_POLLIN, 0}};
        {
            const std::lock_guard lock(mutex_);
            if (listener_ != nullptr) items.push_back({nullptr, listener_->news_descriptor(), ZMQ_POLLIN, 0});
        }
        if (doorman_ != nullptr) items.push_back({doorman_->socket(), 0, ZMQ_POLLIN, 0});
        zmq_poll(items.data(), static_cast<int>(items.size()), kLookMs);
        bell_.reset();
        try {
            if (doorman_ != nullptr) doorman_->answer();
            const std::lock_guard lock(mutex_);
            read_news();
            cut_floods();
        } catch (const std::exception& error) {
            // The doorman stays: without one in its place ZeroMQ would let everybody in.
            base::log_warning("transport", "guarding a port: ", error.what());
        }
    }
}

void Guard::mind(ZmqSocket* listener) {
    const std::lock_guard lock(mutex_);
    listener_ = listener;
    bell_.ring();
}

Guard::Happened Guard::take() {
    const std::lock_guard lock(mutex_);
    something_ = false;
    read_news();
    return std::exchange(happened_, {});
}

void Guard::read_news() {
    if (listener_ == nullptr) return;
    while (const auto news = listener_->news()) {
        if (news->kind == News::Kind::accepted) accept(news->value);
        if (news->kind != News::Kind::lost) continue;
        if (!watch_.has_spoken(news->value, 0)) ++failed_handshakes_;
        watch_.remove(news->value, 0);
        accepted_.erase(news->value);
        happened_.lost.push_back(news->value);
        tell_owner();
    }
}

void Guard::accept(int descriptor) {
    watch_.add(descriptor, 0, base::SteadyClock::now());
    accepted_.insert(descriptor);
    if (accepted_.size() <= static_cast<std::size_t>(most_connections_)) return;
    watch_.cut(descriptor, 0);
    if (cuts_++ == 0)
        base::log_warning("transport", "more than ", most_connections_, " connections: new ones are cut off");
}

void Guard::cut_floods() {
    for (auto& verdict : watch_.floods(base::SteadyClock::now())) {
        watch_.cut(verdict.descriptor, verdict.owner);
        ++cuts_;
        happened_.cut.push_back(std::move(verdict));
        tell_owner();
    }
}

void Guard::tell_owner() {
    if (!something_.exchange(true, std::memory_order_release)) owner_.ring();
}

bool Guard::is_accepted(int descriptor) const {
    const std::lock_guard lock(mutex_);
    return accepted_.count(descriptor) != 0;
}
std::size_t Guard::accepted() const {
    const std::lock_guard lock(mutex_);
    return accepted_.size();
}
void Guard::add(int descriptor, std::uint64_t owner) {
    const std::lock_guard lock(mutex_);
    watch_.add(descriptor, owner, base::SteadyClock::now());
}
void Guard::remove(int descriptor, std::uint64_t owner) {
    const std::lock_guard lock(mutex_);
    watch_.remove(descriptor, owner);
}
void Guard::delivered(int descriptor, std::uint64_t owner, std::uint64_t bytes, std::size_t frames) {
    const std::lock_guard lock(mutex_);
    watch_.delivered(descriptor, owner, bytes, frames);
}
void Guard::cut(int descriptor, std::uint64_t owner) const {
    const std::lock_guard lock(mutex_);
    watch_.cut(descriptor, owner);
}
std::vector<Watch::Verdict> Guard::silent() {
    const std::lock_guard lock(mutex_);
    return watch_.silent(base::SteadyClock::now());
}
base::TimePoint Guard::last_arrival(int descriptor, std::uint64_t owner) const {
    const std::lock_guard lock(mutex_);
    return watch_.last_arrival(descriptor, owner);
}
std::uint64_t Guard::failed_handshakes() const {
    const std::lock_guard lock(mutex_);
    return failed_handshakes_;
}
std::uint64_t Guard::cuts() const {
    const std::lock_guard lock(mutex_);
    return cuts_;
}

}  // namespace shoal::transport
