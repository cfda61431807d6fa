#include "platform/sockets.hpp"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <system_error>
#include <vector>

namespace shoal::platform {

std::optional<SocketFacts> socket_facts(int descriptor) noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
    // Kernels before 4.6 fill less of it.
    if (size < offsetof(tcp_info, tcpi_notsent_bytes) + sizeof info.tcpi_notsent_bytes) return std::nullopt;
    int unread = 0;
    if (::ioctl(descriptor, FIONREAD, &unread) != 0 || unread < 0) return std::nullopt;
    return SocketFacts{info.tcpi_bytes_received, static_cast<std::uint64_t>(unread),
                       std::chrono::milliseconds(std::min(info.tcpi_last_data_recv, info.tcpi_last_ack_recv)),
                       info.tcpi_unacked == 0 && info.tcpi_notsent_bytes > 0};
}

std::uint64_t socket_identity(int descriptor) noexcept {
    struct stat status {};
    if (::fstat(descriptor, &status) != 0 || !S_ISSOCK(status.st_mode)) return 0;
    return status.st_ino;
}

void cut_socket(int descriptor) noexcept {
    ::shutdown(descriptor, SHUT_RDWR);
}

bool descriptors_available(int count) noexcept {
    std::array<int, 64> opened{};
    int got = 0;
    while (got < count && got < static_cast<int>(opened.size())) {
        const int descriptor = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (descriptor < 0) break;
        opened[static_cast<std::size_t>(got++)] = descriptor;
    }
    const bool enough = got >= count || got == static_cast<int>(opened.size());
    while (got > 0)
        ::close(opened[static_cast<std::size_t>(--got)]);
    return enough;
}

void wait_readable(std::vector<Waiting>& descriptors, std::chrono::nanoseconds at_most) {
    std::vector<pollfd> polled;
    polled.reserve(descriptors.size());
    for (const auto& waiting : descriptors)
        polled.push_back({waiting.descriptor, POLLIN, 0});
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at_most);
    const timespec timeout{static_cast<time_t>(seconds.count()), static_cast<long>((at_most - seconds).count())};
    const int ready = ::ppoll(polled.data(), polled.size(), &timeout, nullptr);
    for (std::size_t i = 0; i < polled.size(); ++i)
        descriptors[i].readable = ready > 0 && polled[i].revents != 0;
}

Bell::Bell() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
    read_ = ends[0];
    write_ = ends[1];
}

Bell::~Bell() {
    ::close(read_);
    ::close(write_);
}

void Bell::ring() noexcept {
    const char one = 1;
    // A full pipe is as readable as one byte; nothing else can go wrong with a pipe that we hold both ends of.
    [[maybe_unused]] const auto written = ::write(write_, &one, 1);
}

void Bell::reset() noexcept {
    std::array<char, 64> sink{};
    while (::read(read_, sink.data(), sink.size()) > 0) {}
}

}  // namespace shoal::platform
