#include "client/submissions.hpp"

#include <algorithm>

namespace shoal::client {

void Submissions::add(Submission submission) {
    const auto ticket = submission.ticket;
    by_deadline_.emplace(submission.deadline, ticket);
    unsent_.insert(ticket);
    by_ticket_.emplace(ticket, std::move(submission));
}

std::vector<std::uint64_t> Submissions::waiting(std::uint64_t model, base::TimePoint now) const {
    std::vector<std::uint64_t> out;
    for (const auto ticket : unsent_) {
        const auto& own = at(ticket);
        if (own.model == model && own.not_before <= now) out.push_back(ticket);
    }
    return out;
}

std::size_t Submissions::sent_of(std::uint64_t model) const {
    const auto found = sent_of_.find(model);
    return found == sent_of_.end() ? 0 : found->second;
}

std::optional<std::uint64_t> Submissions::ticket_of(std::uint64_t number) const {
    const auto found = by_number_.find(number);
    if (found == by_number_.end()) return std::nullopt;
    return found->second;
}

void Submissions::mark_sent(std::uint64_t ticket, std::uint64_t number) {
    auto& own = by_ticket_.at(ticket);
    own.number = number;
    ++own.sent;
    by_number_[number] = ticket;
    ++sent_of_[own.model];
    unsent_.erase(ticket);
}

void Submissions::take_back(std::uint64_t ticket, base::TimePoint not_before) {
    auto& own = by_ticket_.at(ticket);
    forget_number(own);
    own.not_before = not_before;
    unsent_.insert(ticket);
}

std::vector<std::uint64_t> Submissions::sent() const {
    std::vector<std::uint64_t> out;
    for (const auto& [number, ticket] : by_number_)
        out.push_back(ticket);
    std::sort(out.begin(), out.end());
    return out;
}

std::vector<std::uint64_t> Submissions::of_model(std::uint64_t model) const {
    std::vector<std::uint64_t> out;
    for (const auto& [ticket, own] : by_ticket_) {
        if (own.model == model) out.push_back(ticket);
    }
    return out;
}

std::vector<std::uint64_t> Submissions::all() const {
    std::vector<std::uint64_t> out;
    for (const auto& [ticket, own] : by_ticket_)
        out.push_back(ticket);
    return out;
}

std::vector<std::uint64_t> Submissions::expired(base::TimePoint now) const {
    std::vector<std::uint64_t> out;
    for (const auto& [deadline, ticket] : by_deadline_) {
        if (deadline > now) break;
        out.push_back(ticket);
    }
    return out;
}

std::optional<base::TimePoint> Submissions::next(base::TimePoint now) const {
    if (by_deadline_.empty()) return std::nullopt;
    base::TimePoint out = by_deadline_.begin()->first;
    for (const auto ticket : unsent_) {
        const auto when = at(ticket).not_before;
        if (when > now) out = std::min(out, when);
    }
    return out;
}

void Submissions::forget_number(Submission& submission) {
    if (by_number_.erase(submission.number) > 0 && --sent_of_[submission.model] == 0) sent_of_.erase(submission.model);
    submission.number = 0;
}

Submission Submissions::take(std::uint64_t ticket) {
    auto node = by_ticket_.extract(ticket);
    Submission out = std::move(node.mapped());
    forget_number(out);
    by_deadline_.erase({out.deadline, ticket});
    unsent_.erase(ticket);
    return out;
}

}  // namespace shoal::client
