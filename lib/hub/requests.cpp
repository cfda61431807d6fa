#include "hub/requests.hpp"

#include "base/units.hpp"

namespace shoal::hub {

using base::Code;

namespace {

constexpr std::size_t kRemembered = 1024;  // numbers of a client that have been used

}  // namespace

Request* Requests::add(PeerId client, wire::Submit submit, TimePoint now) {
    Numbers& numbers = numbers_[client];
    if (numbers.used.count(submit.request) != 0) return nullptr;
    std::uint64_t bytes = 0;
    for (const auto& input : submit.inputs)
        bytes += input.type().size_bytes();
    if (bytes > limits_.request_bytes)
        base::fail(Code::refused, "the request's inputs have ", base::format_bytes(bytes), "; this hub takes at most ",
                   base::format_bytes(limits_.request_bytes));
    if (open_.size() >= limits_.requests)
        base::fail(Code::busy, "the hub has ", open_.size(), " requests open, as many as it may; try again later");
    if (bytes_ + bytes > limits_.request_bytes)
        base::fail(Code::busy, "the hub holds ", base::format_bytes(bytes_), " of requests; ",
                   base::format_bytes(bytes), " more would be above its ", base::format_bytes(limits_.request_bytes),
                   "; try again later");
    numbers.used.insert(submit.request);
    numbers.order.push_back(submit.request);
    if (numbers.order.size() > kRemembered) {
        if (numbers.open.count(numbers.order.front()) == 0) numbers.used.erase(numbers.order.front());
        numbers.order.pop_front();
    }
    const std::uint64_t number = next_++;
    numbers.open[submit.request] = number;
    Request& request = open_[number];
    request.number = number;
    request.client = client;
    request.client_number = submit.request;
    request.model = submit.model;
    request.inputs = std::move(submit.inputs);
    request.input_bytes = bytes;
    request.received = now;
    request.deadline = now + std::chrono::milliseconds(submit.remaining_ms);
    bytes_ += bytes;
    return &request;
}

Request* Requests::find(std::uint64_t number) {
    const auto at = open_.find(number);
    return at != open_.end() ? &at->second : nullptr;
}

Request* Requests::find(PeerId client, std::uint64_t client_number) {
    const auto numbers = numbers_.find(client);
    if (numbers == numbers_.end()) return nullptr;
    const auto at = numbers->second.open.find(client_number);
    return at != numbers->second.open.end() ? find(at->second) : nullptr;
}

void Requests::finish(std::uint64_t number) {
    const auto at = open_.find(number);
    if (at == open_.end()) return;
    bytes_ -= at->second.input_bytes;
    if (const auto numbers = numbers_.find(at->second.client); numbers != numbers_.end())
        numbers->second.open.erase(at->second.client_number);
    open_.erase(at);
}

void Requests::client_gone(PeerId client) {
    numbers_.erase(client);
}

std::vector<std::uint64_t> Requests::expired(TimePoint now) const {
    std::vector<std::uint64_t> out;
    for (const auto& [number, request] : open_) {
        if (request.deadline <= now) out.push_back(number);
    }
    return out;
}

std::vector<std::uint64_t> Requests::of(PeerId client) const {
    std::vector<std::uint64_t> out;
    for (const auto& [number, request] : open_) {
        if (request.client == client) out.push_back(number);
    }
    return out;
}

}  // namespace shoal::hub
