#include "node/assembly.hpp"

#include <algorithm>
#include <utility>

#include "base/checked.hpp"

namespace shoal::node {

using base::Code;
using base::fail;

namespace {

bool has(const Returned& list, std::size_t sender) {
    return std::find(list.begin(), list.end(), sender) != list.end();
}

std::uint64_t size_bytes(const wire::Activation& message) {
    std::uint64_t out = 0;
    for (const auto& part : message.parts)
        out += part.tensor.bytes().size();
    return out;
}

}  // namespace

Assembly::Assembly(std::vector<tensor::Type> types, std::vector<wire::InputRoute> routes, std::uint32_t credits)
    : types_(std::move(types)), routes_(std::move(routes)) {
    base::ensure(types_.size() == routes_.size(), "a route for each input");
    for (const auto& route : routes_) {
        auto& row = sender_of_.emplace_back();
        for (const auto& source : route.sources) {
            // The hub is one sender, whatever stage number it writes there.
            const Sender sender{source.board, source.board.empty() ? 0 : source.stage};
            const auto at = std::find(senders_.begin(), senders_.end(), sender);
            row.push_back(static_cast<std::size_t>(at - senders_.begin()));
            if (at == senders_.end()) senders_.push_back(sender);
        }
    }
    if (routes_.empty()) senders_.push_back({});  // the hub alone says when to run
    held_.resize(senders_.size());
    for (std::size_t i = 0; i < senders_.size(); ++i)
        allowances_.push_back(std::max(credits / static_cast<std::uint32_t>(stand_ins(i)), 1U));
}

// How many senders, itself included, send the same parts as this one.
std::size_t Assembly::stand_ins(std::size_t sender) const {
    std::size_t most = 1;
    for (std::size_t port = 0; port < routes_.size(); ++port) {
        const auto& sources = routes_[port].sources;
        if (routes_[port].merge != graph::Merge::concat) continue;
        for (std::size_t i = 0; i < sources.size(); ++i) {
            if (sender_of_[port][i] != sender) continue;
            const auto same = std::count_if(sources.begin(), sources.end(),
                                            [&](const auto& source) { return source.part == sources[i].part; });
            most = std::max(most, static_cast<std::size_t>(same));
        }
    }
    return most;
}

std::uint64_t Assembly::most_bytes() const {
    std::uint64_t out = 0;
    for (std::size_t port = 0; port < routes_.size(); ++port) {
        for (std::size_t i = 0; i < routes_[port].sources.size(); ++i) {
            const std::uint64_t bytes = part_type(types_[port], routes_[port].sources[i].part).size_bytes();
            const std::uint64_t requests = allowances_[sender_of_[port][i]];
            out = base::checked_add(out, base::checked_mul(bytes, requests), "bytes of a stage's inputs");
        }
    }
    return out;
}

void Assembly::check(const std::string& board, const wire::Activation& message) const {
    if (message.parts.empty() != routes_.empty() || (routes_.empty() && !board.empty()))
        fail(Code::network, "an activation of ", message.parts.size(), " tensors for a stage with ", routes_.size(),
             " inputs");
    for (const auto& part : message.parts) {
        if (part.port >= routes_.size())
            fail(Code::network, "a tensor for input ", part.port, " of a stage with ", routes_.size());
        const auto& sources = routes_[part.port].sources;
        if (part.source >= sources.size())
            fail(Code::network, "source ", part.source, " of input ", part.port, ", which has ", sources.size());
        if (sources[part.source].board != board)
            fail(Code::network, "input ", part.port, " comes from '", sources[part.source].board, "', not from here");
        const auto wanted = part_type(types_[part.port], sources[part.source].part);
        if (part.tensor.type() != wanted) {
            fail(Code::network, "input ", part.port, " is ", part.tensor.type(), "; it must be ", wanted);
        }
    }
}

std::size_t Assembly::sender_of(const wire::Part& part) const {
    return sender_of_[part.port][part.source];
}

Returned Assembly::senders_of(const wire::Activation& message) const {
    if (routes_.empty()) return {0};
    Returned out;
    for (const auto& part : message.parts) {
        if (!has(out, sender_of(part))) out.push_back(sender_of(part));
    }
    return out;
}

Assembly::Added Assembly::add(const std::string& board, wire::Activation message, base::TimePoint now,
                              MemoryMeter& meter) {
    check(board, message);
    const Returned senders = senders_of(message);
    auto at = requests_.find(message.request);
    const auto repeats = [&](const Request& request) {
        return std::any_of(message.parts.begin(), message.parts.end(),
                           [&](const auto& part) { return request.there[part.port][part.source]; });
    };
    if (at != requests_.end() && repeats(at->second)) {
        if (!at->second.dropped) fail(Code::network, "request ", message.request, " came twice");
        requests_.erase(at);  // sent anew, after it was cancelled
        at = requests_.end();
    }
    for (const auto sender : senders) {
        const bool counted = at != requests_.end() && has(at->second.senders, sender);
        if (!counted && held_[sender] >= allowances_[sender])
            fail(Code::network, "more than ", allowances_[sender], " requests, for which there is no credit");
    }
    if (message.remaining_ms == 0 && at == requests_.end()) return {std::nullopt, senders};

    if (at == requests_.end()) {
        Request fresh;
        fresh.turn = message.turn;
        fresh.deadline = now + std::chrono::milliseconds(message.remaining_ms);
        for (const auto& route : routes_) {
            fresh.there.emplace_back(route.sources.size());
            fresh.parts.emplace_back(route.sources.size());
        }
        at = requests_.emplace(message.request, std::move(fresh)).first;
    }
    Request& request = at->second;
    Added out;
    for (const auto sender : senders) {
        if (request.dropped) {
            out.returned.push_back(sender);
        } else if (!has(request.senders, sender)) {
            request.senders.push_back(sender);
            ++held_[sender];
        }
    }
    if (!request.dropped) request.held.push_back(meter.hold(size_bytes(message)));
    for (auto& part : message.parts) {
        request.there[part.port][part.source] = true;
        if (!request.dropped) request.parts[part.port][part.source] = std::move(part.tensor);
    }
    if (!is_complete(request)) return out;
    if (!request.dropped) out.complete = completed(message.request, std::move(request), now);
    requests_.erase(at);
    return out;
}

bool Assembly::is_filled(const wire::InputRoute& route, const std::vector<bool>& there) const {
    if (route.merge != graph::Merge::concat) return std::find(there.begin(), there.end(), false) == there.end();
    for (std::size_t i = 0; i < there.size(); ++i) {
        bool found = false;
        for (std::size_t k = 0; k < there.size() && !found; ++k)
            found = there[k] && route.sources[k].part == route.sources[i].part;
        if (!found) return false;
    }
    return true;
}

bool Assembly::is_complete(const Request& request) const {
    for (std::size_t port = 0; port < routes_.size(); ++port) {
        if (!is_filled(routes_[port], request.there[port])) return false;
    }
    return true;
}

Inputs Assembly::completed(std::uint64_t id, Request request, base::TimePoint now) const {
    Inputs out;
    out.request = id;
    out.turn = request.turn;
    out.deadline = request.deadline;
    out.complete_since = now;
    out.senders = std::move(request.senders);
    out.held = std::move(request.held);
    for (std::size_t port = 0; port < routes_.size(); ++port) {
        auto& pieces = out.ports.emplace_back();
        for (std::size_t i = 0; i < request.parts[port].size(); ++i) {
            if (request.parts[port][i])
                pieces.push_back({routes_[port].sources[i].part, std::move(*request.parts[port][i])});
        }
    }
    return out;
}

Returned Assembly::cancel(std::uint64_t request) {
    const auto at = requests_.find(request);
    if (at == requests_.end() || at->second.dropped) return {};
    forget_some();
    Request& dropped = at->second;
    dropped.dropped = true;
    dropped.held.clear();
    for (auto& port : dropped.parts)
        std::fill(port.begin(), port.end(), std::nullopt);
    Returned out = std::move(dropped.senders);
    dropped.senders.clear();
    give_back(out);
    return out;
}

// What was cancelled and never completed goes by its deadline, which may be a day away.
void Assembly::forget_some() {
    constexpr std::size_t kMostRemembered = 4096;
    for (auto at = requests_.begin(); at != requests_.end() && requests_.size() > kMostRemembered;)
        at = at->second.dropped ? requests_.erase(at) : std::next(at);
}

Returned Assembly::expire(base::TimePoint now) {
    Returned out;
    for (auto at = requests_.begin(); at != requests_.end();) {
        if (now < at->second.deadline) {
            ++at;
            continue;
        }
        give_back(at->second.senders);
        out.insert(out.end(), at->second.senders.begin(), at->second.senders.end());
        at = requests_.erase(at);
    }
    return out;
}

base::TimePoint Assembly::earliest_deadline() const {
    auto out = base::TimePoint::max();
    for (const auto& [id, request] : requests_)
        out = std::min(out, request.deadline);
    return out;
}

void Assembly::give_back(const Returned& senders) {
    for (const auto sender : senders)
        --held_.at(sender);
}

}  // namespace shoal::node
