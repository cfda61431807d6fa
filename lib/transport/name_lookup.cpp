#include "transport/name_lookup.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <system_error>
#include <thread>

namespace shoal::transport {

struct NameLookup::State {
    std::string address;  // written before `done`
    std::atomic<bool> done{false};
};

namespace {

std::string look_up(const std::string& host) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), nullptr, &wanted, &found) != 0) return {};
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, ::freeaddrinfo);
    // Ports that listen at every address do so by IPv4.
    const addrinfo* chosen = list.get();
    for (const addrinfo* at = list.get(); at != nullptr; at = at->ai_next) {
        if (at->ai_family != AF_INET) continue;
        chosen = at;
        break;
    }
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(chosen->ai_addr, chosen->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0)
        return {};
    return text.data();
}

}  // namespace

NameLookup::NameLookup(const std::string& host) : state_(std::make_shared<State>()) {
    try {
        std::thread([state = state_, host] {
            state->address = look_up(host);
            state->done.store(true, std::memory_order_release);
        }).detach();
    } catch (const std::system_error&) {  // no thread to be had: not found for now
        state_->done = true;
    }
}

std::optional<std::string> NameLookup::result() const {
    if (!state_->done.load(std::memory_order_acquire)) return std::nullopt;
    return state_->address;
}

}  // namespace shoal::transport
