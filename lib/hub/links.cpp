#include "hub/links.hpp"

#include <algorithm>
#include <limits>

#include "base/log.hpp"

namespace shoal::hub {
namespace {

// An allocator keeps what a probe took, so the largest is part of an idle board's resident set: no more than shows a
// rate.
constexpr std::uint64_t kSmall = 64, kMiddle = 256 << 10, kLarge = 1 << 20;
constexpr std::uint64_t kMemoryPart = 16;  // a probe takes at most so small a part of a board's memory
constexpr std::uint32_t kSmallRepeat = 6, kLargeRepeat = 3;
constexpr double kFast = 0.004;                // seconds: a middle probe within that says too little about a fast link
constexpr std::chrono::seconds kPatience{15};  // with one pair: longer than boards have with theirs, to hear of that
constexpr std::chrono::minutes kTryAgain{1};   // after which a dead pair may have come to life
// Boards that do not reach each other: a plan goes there only where nothing else is left, and is refused then.
constexpr plan::Link kDead{10, 1e3, -1};
constexpr plan::Link kGuess{1e-3, 10e6, -1};  // of a link that was not measured

std::string named(const std::string& end) {
    return end.empty() ? "the hub" : "'" + end + "'";
}

const base::SharedBytes& probe_payload() {
    static const auto bytes = base::SharedBytes::own(std::vector<std::byte>(kLarge));
    return bytes;
}

}  // namespace

std::optional<plan::Link> fit_link(const std::vector<wire::ProbeTime>& times) {
    constexpr double kNever = std::numeric_limits<double>::infinity();
    std::uint64_t small = ~std::uint64_t{0}, large = 0;
    for (const auto& time : times) {
        small = std::min(small, time.bytes);
        large = std::max(large, time.bytes);
    }
    if (large <= small) return std::nullopt;
    double small_s = kNever, large_s = kNever;
    for (const auto& time : times) {
        if (time.bytes == small) small_s = std::min(small_s, time.seconds);
        if (time.bytes == large) large_s = std::min(large_s, time.seconds);
    }
    // There and back without payload is twice the latency; what the payload adds is its way there.
    const double payload_s = std::max(large_s - small_s, 1e-6);
    return plan::Link{small_s / 2, static_cast<double>(large - small) / payload_s, -1};
}

void Links::joined(const Member& member) {
    auto& endpoint = endpoints_[member.name];
    if (endpoint != member.address + member.endpoint) {
        endpoint = member.address + member.endpoint;
        std::erase_if(links_, [&](const auto& entry) {
            return entry.first.first == member.name || entry.first.second == member.name;
        });
    }
    std::erase_if(dead_, [&](const auto& entry) {
        const Pair& pair = entry.first;
        const bool concerned = pair.first == member.name || pair.second == member.name;
        if (concerned) links_.erase(pair);
        return concerned;
    });
    const auto want = [&](const std::string& from, const std::string& to) {
        if (links_.count({from, to}) == 0) waiting_.push_back({from, to});
    };
    want("", member.name);
    want(member.name, "");
    if (membership_.connected() > kMostProbed) return;
    for (const auto& [name, other] : membership_.members()) {
        if (name == member.name || !other.connected()) continue;
        want(name, member.name);
        want(member.name, name);
    }
}

void Links::lost(const std::string& board) {
    const auto concerns = [&](const Pair& pair) { return pair.first == board || pair.second == board; };
    std::erase_if(waiting_, concerns);
    if (job_ && concerns(job_->pair)) job_.reset();
}

void Links::tick(TimePoint now) {
    if (job_ && now - job_->started > kPatience) give_up("no answer came in time");
    while (!job_ && !waiting_.empty()) {
        const Pair pair = waiting_.front();
        waiting_.pop_front();
        begin(pair, now);
    }
    if (!job_) try_dead(now);
}

void Links::try_dead(TimePoint now) {
    const auto there = [&](const std::string& board) {
        return board.empty() || membership_.peer_of(board) != PeerId::none;
    };
    for (auto& [pair, since] : dead_) {
        if (now - since < kTryAgain || !there(pair.first) || !there(pair.second)) continue;
        since = now;
        begin(pair, now);
        return;
    }
}

void Links::begin(const Pair& pair, TimePoint now) {
    job_ = Job{};
    job_->pair = pair;
    job_->started = now;
    ask({kSmall, std::min(kMiddle, largest_probe(pair))}, kSmallRepeat, now);
}

std::uint64_t Links::largest_probe(const Pair& pair) const {
    std::uint64_t out = kLarge;
    for (const auto& end : {pair.first, pair.second}) {
        if (const Member* member = membership_.find(end))
            out = std::min(out, std::max(member->info.memory_limit_bytes / kMemoryPart, 2 * kSmall));
    }
    return out;
}

void Links::ask(std::vector<std::uint64_t> sizes, std::uint32_t repeat, TimePoint now) {
    job_->task = next_task_++;
    if (!job_->pair.first.empty()) {
        const auto peer = membership_.peer_of(job_->pair.first);
        const wire::MeasureLink message{job_->task, job_->pair.second, std::move(sizes), repeat};
        if (peer == PeerId::none || !tell(outbox_, peer, message)) give_up("the board is not there");
        return;
    }
    for (auto size = sizes.rbegin(); size != sizes.rend(); ++size)
        job_->ahead.insert(job_->ahead.end(), *size > kMiddle ? kLargeRepeat : repeat, *size);
    send_probe(now);
}

void Links::send_probe(TimePoint now) {
    job_->sent = now;
    const wire::Probe probe{job_->task, static_cast<std::uint32_t>(job_->ahead.size()),
                            probe_payload().slice(0, static_cast<std::size_t>(job_->ahead.back()))};
    const auto peer = membership_.peer_of(job_->pair.second);
    if (peer == PeerId::none || !tell(outbox_, peer, probe)) give_up("the board is not there");
}

void Links::echo(const std::string& board, const wire::ProbeEcho& message, TimePoint now) {
    if (!job_ || !job_->pair.first.empty() || job_->pair.second != board || job_->task != message.task) return;
    if (message.sequence != job_->ahead.size()) return;
    job_->times.push_back({job_->ahead.back(), std::chrono::duration<double>(now - job_->sent).count()});
    job_->ahead.pop_back();
    if (!job_->ahead.empty())
        send_probe(now);
    else
        round_done(now);
}

bool Links::measured(const std::string& board, const wire::LinkMeasured& message, TimePoint now) {
    if (!job_ || job_->pair.first != board || job_->task != message.task) return false;
    job_->times.insert(job_->times.end(), message.times.begin(), message.times.end());
    const bool was_dead = fit_link(job_->times) && dead_.erase(job_->pair) != 0;
    round_done(now);
    return was_dead;
}

void Links::round_done(TimePoint now) {
    const auto link = fit_link(job_->times);
    if (!link) {
        give_up("its probes say nothing");
        return;
    }
    const std::uint64_t larger = largest_probe(job_->pair);
    if (!job_->large && larger > kMiddle && static_cast<double>(kMiddle) / link->bytes_per_s < kFast) {
        job_->large = true;
        ask({larger}, kLargeRepeat, now);
        return;
    }
    links_[job_->pair] = *link;
    job_.reset();
}

bool Links::failed(const std::string& board, const wire::TaskFailed& message, TimePoint now) {
    if (!job_ || job_->pair.first != board || job_->task != message.task) return false;
    const Pair pair = job_->pair;
    give_up(message.text);
    if (message.code == base::Code::unavailable) mark_dead(pair.first, pair.second, now);
    return true;
}

void Links::mark_dead(const std::string& from, const std::string& to, TimePoint now) {
    links_[{from, to}] = kDead;
    dead_[{from, to}] = now;
}

void Links::give_up(const std::string& why) {
    if (dead_.count(job_->pair) == 0)  // or it was said before
        base::log_warning("hub", "the link from ", named(job_->pair.first), " to ", named(job_->pair.second),
                          " could not be measured: ", why);
    if (const auto link = fit_link(job_->times)) links_[job_->pair] = *link;  // the first round is better than a guess
    job_.reset();
}

std::optional<plan::Link> Links::known(const std::string& from, const std::string& to) const {
    const auto at = links_.find({from, to});
    if (at == links_.end()) return std::nullopt;
    return at->second;
}

plan::Link Links::between(const std::string& from, const std::string& to) const {
    if (from == to) return {0, 0, -1};
    if (const auto link = known(from, to)) return *link;
    if (from.empty() || to.empty()) return known(to, from).value_or(kGuess);
    const plan::Link up = between(from, ""), down = between("", to);
    return {std::max(up.latency_s, down.latency_s), std::min(up.bytes_per_s, down.bytes_per_s), -1};
}

}  // namespace shoal::hub
