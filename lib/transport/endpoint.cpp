#include "transport/endpoint.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/error.hpp"

namespace shoal::transport {

using base::Code;
using base::fail;

namespace {

constexpr std::size_t kLongestPath = 100;  // sockaddr_un holds 108 bytes

[[noreturn]] void refuse(std::string_view text) {
    fail(Code::invalid_argument, "'", text, "' is not an endpoint; one looks like tcp://192.168.1.10:7070");
}

bool is_port(std::string_view text) {
    if (text == "*") return true;
    if (text.empty() || text.size() > 5 || text.find_first_not_of("0123456789") != std::string_view::npos) return false;
    return std::stoi(std::string(text)) <= 65535;
}

bool is_host(std::string_view text) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    return !text.empty() && text.size() <= 253 && text.find_first_not_of(allowed) == std::string_view::npos;
}

bool is_v4(const std::string& host) {
    in_addr address{};
    return ::inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool is_v6(const std::string& host) {
    in6_addr address{};
    return ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

Endpoint parse_tcp(std::string_view text, std::string_view rest) {
    Endpoint out{Endpoint::Kind::tcp, {}, {}};
    const auto colon = rest.rfind(':');
    if (colon == std::string_view::npos) refuse(text);
    const auto host = rest.substr(0, colon);
    out.port = rest.substr(colon + 1);
    if (!is_port(out.port)) refuse(text);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        out.host = host.substr(1, host.size() - 2);
        if (!is_v6(out.host)) refuse(text);
        return out;
    }
    out.host = host;
    if (host != "*" && !is_host(host)) refuse(text);
    return out;
}

}  // namespace

bool Endpoint::is_local() const noexcept {
    if (kind != Kind::tcp) return true;
    in_addr v4{};
    if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
    return host == "::1" || host == "localhost";
}

bool Endpoint::is_numeric() const noexcept {
    return kind != Kind::tcp || host == "*" || is_v4(host) || is_v6(host);
}

std::string Endpoint::text() const {
    switch (kind) {
        case Kind::ipc: return "ipc://" + host;
        case Kind::inproc: return "inproc://" + host;
        case Kind::tcp: break;
    }
    const bool brackets = host.find(':') != std::string::npos;
    return "tcp://" + (brackets ? "[" + host + "]" : host) + ":" + port;
}

std::string hub_endpoint(std::string_view text) {
    std::string full = (text.find("://") == std::string_view::npos ? "tcp://" : "") + std::string(text);
    constexpr std::size_t kHost = 6;  // behind tcp://
    if (full.rfind("tcp://", 0) == 0) {
        const auto bracket = full.find(']');
        if (full.find(':', bracket == std::string::npos ? kHost : bracket) == std::string::npos)
            full += ':' + std::to_string(kHubPort);
    }
    return parse_endpoint(full).text();
}

Endpoint parse_endpoint(std::string_view text) {
    const auto after = [&](std::string_view scheme) {
        return text.substr(0, scheme.size()) == scheme ? text.substr(scheme.size()) : std::string_view();
    };
    if (text.find('\0') != std::string_view::npos) refuse(text);
    if (const auto rest = after("tcp://"); !rest.empty()) return parse_tcp(text, rest);
    if (const auto rest = after("ipc://"); !rest.empty() && rest.size() <= kLongestPath)
        return {Endpoint::Kind::ipc, std::string(rest), {}};
    if (const auto rest = after("inproc://"); !rest.empty() && rest.size() <= kLongestPath)
        return {Endpoint::Kind::inproc, std::string(rest), {}};
    refuse(text);
}

std::string reachable_endpoint(std::string_view text, std::string_view address) {
    Endpoint endpoint = parse_endpoint(text);
    const bool any = endpoint.host == "*" || endpoint.host == "0.0.0.0" || endpoint.host == "::";
    if (endpoint.kind == Endpoint::Kind::tcp && any && !address.empty()) endpoint.host = address;
    return endpoint.text();
}

}  // namespace shoal::transport
