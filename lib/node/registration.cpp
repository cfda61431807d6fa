#include "node/registration.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace shoal::node {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWelcomePatience{5000};
constexpr milliseconds kAfterRefusal{2000};
constexpr milliseconds kAfterGoodbye{250};
constexpr milliseconds kAbsence{3000};  // from the start, before somebody should be told
constexpr milliseconds kAfterFailure{2000};
constexpr int kSilences = 3;  // of the hub's own measure, after which it is taken for hung

}  // namespace

Registration::Registration(transport::Port& port, std::string endpoint, std::optional<transport::PublicKey> hub_key,
                           std::function<void(Event::Kind, std::string)> tell)
    : port_(port), endpoint_(std::move(endpoint)), hub_key_(hub_key), tell_(std::move(tell)) {}

void Registration::begin(wire::Register self) {
    self_ = std::move(self);
    dial();
}

void Registration::dial() {
    connected_ = welcomed_ = false;
    register_at_ = dial_at_ = base::TimePoint::max();
    hub_ = transport::PeerId::none;
    hub_ = port_.connect(endpoint_, hub_key_);
}

void Registration::dial_again(base::TimePoint now) {
    try {
        dial();
    } catch (const base::Error& error) {  // out of descriptors, perhaps: it may pass
        base::log_warning("node", "the hub cannot be dialled: ", error.what());
        dial_at_ = now + kAfterFailure;
    }
}

void Registration::say_hello() {
    register_at_ = base::TimePoint::max();
    // Where it is lost, the connection is, and the next one says it again.
    static_cast<void>(port_.send(hub_, wire::encode(self_)));
}

void Registration::connected(base::TimePoint now) {
    connected_ = true;
    welcomed_ = false;
    heard_ = now;
    say_hello();
}

bool Registration::disconnected(const std::string& why) {
    connected_ = false;
    register_at_ = base::TimePoint::max();
    if (!std::exchange(welcomed_, false)) return false;
    tell_(Event::Kind::hub_lost, why);
    return true;
}

bool Registration::left(const std::string& why, base::TimePoint now) {
    port_.disconnect(hub_);
    hub_ = transport::PeerId::none;
    dial_at_ = now + kAfterGoodbye;
    return disconnected(why);
}

bool Registration::welcome(const wire::Welcome& message, base::TimePoint now) {
    const bool is_new = session_ != message.session;
    session_ = message.session;
    heartbeat_ = milliseconds(std::clamp(message.heartbeat_ms, 10U, 60'000U));
    silence_ = milliseconds(std::clamp(message.silence_ms, 100U, 600'000U));
    next_heartbeat_ = now;
    register_at_ = base::TimePoint::max();
    last_refusal_.clear();
    told_absent_ = true;  // from now on it is lost, not absent
    if (!std::exchange(welcomed_, true)) tell_(Event::Kind::joined, message.hub);
    return is_new;
}

void Registration::refused(const std::string& why, base::TimePoint now) {
    if (connected_) register_at_ = now + kAfterRefusal;
    if (why == last_refusal_) return;
    last_refusal_ = why;
    tell_(Event::Kind::refused, why);
}

bool Registration::heartbeat_due(base::TimePoint now) {
    if (!welcomed_ || now < next_heartbeat_) return false;
    next_heartbeat_ = now + heartbeat_;
    return true;
}

bool Registration::step(base::TimePoint now) {
    if (began_ == base::TimePoint{}) began_ = now;
    if (!told_absent_ && now - began_ >= kAbsence) {
        told_absent_ = true;
        if (last_refusal_.empty()) tell_(Event::Kind::hub_absent, endpoint_);
    }
    if (now >= dial_at_) dial_again(now);
    if (!connected_) return false;
    if (now >= register_at_) {
        heard_ = now;
        say_hello();
    }
    const auto patience =
        welcomed_ ? std::max(kSilences * silence_, kSilences * heartbeat_) : milliseconds(kWelcomePatience);
    // A hub that does not answer may be no hub at all, whatever it sends; one that did may be at a long message.
    const auto heard = welcomed_ ? std::max(heard_, port_.last_arrival(hub_)) : heard_;
    if (register_at_ != base::TimePoint::max() || now - heard < patience) return false;
    heard_ = now;
    port_.disconnect(hub_);
    const bool was_member = disconnected("the hub does not answer");
    dial_again(now);
    return was_member;
}

base::TimePoint Registration::next() const noexcept {
    if (welcomed_) return next_heartbeat_;
    const auto next = connected_ ? std::min(register_at_, heard_ + kWelcomePatience) : dial_at_;
    return told_absent_ ? next : std::min(next, began_ + kAbsence);
}

void Registration::goodbye() noexcept {
    try {
        if (welcomed_) static_cast<void>(port_.send(hub_, wire::encode(wire::Goodbye{"the node stops"})));
    } catch (...) {  // It is only a courtesy.
    }
}

}  // namespace shoal::node
