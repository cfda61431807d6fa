#include "node/routes.hpp"

#include <algorithm>
#include <utility>

#include "node/parts.hpp"

namespace shoal::node {

RouteTable::RouteTable(std::vector<wire::OutputRoute> routes) : routes_(std::move(routes)) {
    for (const auto& route : routes_) {
        for (const auto& fan : route.fans) {
            for (const auto& choice : fan.choices) {
                const Consumer consumer{choice.board, choice.stage};
                if (!choice.board.empty() &&
                    std::find(consumers_.begin(), consumers_.end(), consumer) == consumers_.end())
                    consumers_.push_back(consumer);
            }
        }
    }
}

template <class Visit>
void RouteTable::for_each_choice(std::uint32_t turn, Visit&& visit) const {
    for (std::uint32_t port = 0; port < routes_.size(); ++port) {
        for (const auto& fan : routes_[port].fans)
            visit(port, fan.choices[wire::choose_replica(fan.shares, turn)]);
    }
}

std::vector<std::size_t> RouteTable::chosen(std::uint32_t turn) const {
    std::vector<std::size_t> out;
    for_each_choice(turn, [&](std::uint32_t, const wire::Destination& choice) {
        if (choice.board.empty()) return;
        const auto at = std::find(consumers_.begin(), consumers_.end(), Consumer{choice.board, choice.stage});
        const auto index = static_cast<std::size_t>(at - consumers_.begin());
        if (std::find(out.begin(), out.end(), index) == out.end()) out.push_back(index);
    });
    return out;
}

Deliveries RouteTable::cut(std::uint32_t turn, const std::vector<tensor::Tensor>& outputs) const {
    Deliveries out;
    for_each_choice(turn, [&](std::uint32_t port, const wire::Destination& choice) {
        auto part = part_of(outputs.at(port), choice.part);
        if (choice.board.empty()) {
            out.to_hub.push_back({port, choice.source, std::move(part)});
            return;
        }
        const auto consumer = std::find(consumers_.begin(), consumers_.end(), Consumer{choice.board, choice.stage});
        const auto index = static_cast<std::size_t>(consumer - consumers_.begin());
        auto at = std::find_if(out.to_boards.begin(), out.to_boards.end(),
                               [&](const Delivery& delivery) { return delivery.consumer == index; });
        if (at == out.to_boards.end()) at = out.to_boards.insert(at, Delivery{index, {}});
        at->parts.push_back({choice.port, choice.source, std::move(part)});
    });
    return out;
}

bool Consumers::have_room(const std::vector<std::size_t>& chosen) const {
    return std::all_of(chosen.begin(), chosen.end(), [&](std::size_t i) { return all_[i].credits > 0; });
}

void Consumers::take(const std::vector<std::size_t>& chosen) {
    for (const auto i : chosen) {
        --all_[i].credits;
        ++all_[i].taken;
    }
}

void Consumers::give_back(const std::vector<std::size_t>& chosen) {
    for (const auto i : chosen) {
        if (all_[i].taken == 0) continue;
        --all_[i].taken;
        ++all_[i].credits;
    }
}

bool Consumers::spend(std::size_t consumer, std::uint64_t request) {
    One& one = all_[consumer];
    if (one.taken == 0) return false;
    --one.taken;
    one.on_its_way.push_back(request);
    return true;
}

void Consumers::credit(std::size_t consumer, std::uint32_t count) {
    One& one = all_[consumer];
    one.credits += count;
    one.broken_since = {};
    // Consumers take requests in the order in which they come, nearly always.
    for (std::uint32_t i = 0; i < count && !one.on_its_way.empty(); ++i)
        one.on_its_way.pop_front();
}

std::vector<std::uint64_t> Consumers::broken(std::size_t consumer, base::TimePoint now) {
    One& one = all_[consumer];
    if (one.broken_since == base::TimePoint{}) one.broken_since = now;
    one.credits = one.taken = 0;
    std::vector<std::uint64_t> out(one.on_its_way.begin(), one.on_its_way.end());
    one.on_its_way.clear();
    return out;
}

std::optional<std::size_t> Consumers::broken_for(base::Duration duration, base::TimePoint now) const {
    for (std::size_t i = 0; i < all_.size(); ++i) {
        if (all_[i].broken_since != base::TimePoint{} && now - all_[i].broken_since > duration) return i;
    }
    return std::nullopt;
}

}  // namespace shoal::node
