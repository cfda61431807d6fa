#include "platform/service.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace shoal::platform {
namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

std::optional<long long> number(const std::string& text) {
    long long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

bool is_address(const std::string& socket) {
    const bool kind = !socket.empty() && (socket[0] == '/' || socket[0] == '@');
    return kind && socket.size() > 1 && socket.size() < sizeof(sockaddr_un::sun_path);
}

}  // namespace

ServiceNotifier::ServiceNotifier() : socket_(variable("NOTIFY_SOCKET")) {
    if (!is_address(socket_)) socket_.clear();
    const auto microseconds = number(variable("WATCHDOG_USEC"));
    const auto process = number(variable("WATCHDOG_PID"));  // absent: whoever reads it
    if (microseconds && *microseconds > 0 && (!process || *process == ::getpid()))
        interval_ = std::chrono::microseconds(*microseconds);
}

bool ServiceNotifier::ready(std::string_view text) const noexcept {
    return send("READY=1\n", text);
}

bool ServiceNotifier::stopping(std::string_view text) const noexcept {
    return send("STOPPING=1\n", text);
}

bool ServiceNotifier::status(std::string_view text) const noexcept {
    return send("", text);
}

bool ServiceNotifier::watchdog() const noexcept {
    return send("WATCHDOG=1\n", "");
}

bool ServiceNotifier::send(std::string_view state, std::string_view status) const noexcept {
    if (!present()) return false;
    std::string message;
    try {
        message = state;
        if (!status.empty()) {
            message += "STATUS=";
            message += status;
            std::replace(message.begin() + static_cast<std::ptrdiff_t>(state.size()), message.end(), '\n', ' ');
        }
    } catch (...) {
        return false;
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_.data(), socket_.size());
    if (socket_[0] == '@') address.sun_path[0] = '\0';  // Linux' abstract names
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
    const int file = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (file < 0) return false;
    const ssize_t sent = ::sendto(file, message.data(), message.size(), MSG_NOSIGNAL,
                                  reinterpret_cast<const sockaddr*>(&address), length);
    ::close(file);
    return sent == static_cast<ssize_t>(message.size());
}

bool goes_to_journal(int file) noexcept {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    if (stream == nullptr || ::fstat(file, &status) != 0) return false;
    char own[48];
    std::snprintf(own, sizeof own, "%llu:%llu", static_cast<unsigned long long>(status.st_dev),
                  static_cast<unsigned long long>(status.st_ino));
    return std::strcmp(stream, own) == 0;  // a child whose output goes elsewhere inherits the variable too
}

}  // namespace shoal::platform
