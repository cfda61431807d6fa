#include "client/core.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace shoal::client {

using base::Code;
using base::fail;
using base::SteadyClock;
using Kind = transport::Event::Kind;

namespace {

constexpr std::chrono::milliseconds kLook{20};  // how soon a cancellation is seen

}  // namespace

Core::Core(ClientOptions options, std::unique_ptr<transport::Port> port)
    : options_(std::move(options)),
      port_(std::move(port)),
      conversation_(options_, SHOAL_VERSION, *this, [this](auto how) { joined(std::move(how)); }) {
    hub_ = port_->connect(options_.hub_endpoint, options_.hub_key);
    thread_ = std::thread([this] { run(); });
}

Core::~Core() {
    stop();
}

void Core::run() {
    auto next = SteadyClock::now();
    while (!ending_) {
        try {
            const auto event = port_->wait(next);
            const auto now = SteadyClock::now();
            if (event && event->peer == hub_) {
                switch (event->kind) {
                    case Kind::connected: conversation_.connected(now); break;
                    case Kind::disconnected: conversation_.disconnected(now, event->text); break;
                    case Kind::refused: conversation_.refused(event->text); break;
                    case Kind::message: conversation_.message(event->frames, now); break;
                }
            }
            if (!ending_) next = conversation_.tick(now);
        } catch (const std::exception& error) {
            // Out of memory, or a bug: what is open is answered by its deadline at the latest.
            base::log_warning("client", "the client's thread goes on after: ", error.what());
            next = SteadyClock::now() + std::chrono::milliseconds(10);
        }
    }
}

bool Core::send(wire::Frames frames) {
    return port_->send(hub_, std::move(frames));
}

std::uint64_t Core::unsent_bytes() const {
    return port_->unsent_bytes(hub_);
}

void Core::joined(std::variant<wire::Welcome, base::Error> how) {
    const std::lock_guard lock(mutex_);
    if (const auto* welcome = std::get_if<wire::Welcome>(&how)) {
        hub_name_ = welcome->hub + " " + welcome->software;
        refusal_.reset();
    } else {
        refusal_ = std::get<base::Error>(how);
        base::log_info("client", refusal_->what());
    }
    changed_.notify_all();
}

void Core::wait_until_joined() {
    std::unique_lock lock(mutex_);
    const auto deadline = base::deadline_in(options_.connect_timeout);
    const auto known = [&] { return !hub_name_.empty() || refusal_; };
    bool heard = false;
    for (auto now = base::SteadyClock::now(); !heard && now < deadline; now = base::SteadyClock::now()) {
        if (options_.cancelled && options_.cancelled()) fail(Code::cancelled, "connecting was cancelled");
        heard = changed_.wait_until(lock, std::min(deadline, now + kLook), known);
    }
    if (refusal_) throw base::Error(*refusal_);
    if (!heard)
        fail(Code::timeout, "no hub answers at ", options_.hub_endpoint, " within ", options_.connect_timeout.count(),
             " ms; is one running there, and is the key its own?");
}

void Core::stop() noexcept {
    const std::lock_guard only_one(joining_);
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        port_->post([this] {
            ending_ = true;  // first: whatever saying goodbye throws, the thread ends
            conversation_.stop();
        });
        changed_.notify_all();
    }
    thread_.join();
}

bool Core::post(std::function<void(Conversation&)> work) {
    const std::lock_guard lock(mutex_);
    if (stopped_) return false;
    port_->post([this, work = std::move(work)] { work(conversation_); });
    return true;
}

bool Core::sleep_until(base::TimePoint when) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_until(lock, when, [&] { return stopped_; });
}

void Core::expect_other_thread(const char* what) const {
    if (std::this_thread::get_id() == thread_.get_id())
        fail(Code::invalid_argument, what, " waits, which a callback must not do");
}

std::string Core::hub() const {
    const std::lock_guard lock(mutex_);
    return hub_name_;
}

}  // namespace shoal::client
