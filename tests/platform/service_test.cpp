#include "platform/service.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <thread>

#include "support/temporary_folder.hpp"

using namespace shoal;

namespace {

// What systemd has at the other end.
class Manager {
public:
    explicit Manager(const std::string& name) : file_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name.data(), name.size());
        if (name[0] == '@') address.sun_path[0] = '\0';
        const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        REQUIRE(::bind(file_, reinterpret_cast<const sockaddr*>(&address), length) == 0);
        ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    }
    ~Manager() {
        ::unsetenv("NOTIFY_SOCKET");
        ::unsetenv("WATCHDOG_USEC");
        ::unsetenv("WATCHDOG_PID");
        ::close(file_);
    }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    [[nodiscard]] std::string heard() const {
        char text[4096];
        const ssize_t size = ::recv(file_, text, sizeof text, MSG_DONTWAIT);
        return size < 0 ? "nothing" : std::string(text, static_cast<std::size_t>(size));
    }

private:
    int file_;
};

}  // namespace

TEST_CASE("the service manager hears how the process is") {
    const test::TemporaryFolder folder;
    for (const std::string& name : {(folder / "notify").string(), "@shoal-test-" + folder.path().filename().string()}) {
        const Manager manager(name);
        const platform::ServiceNotifier notifier;
        CHECK(notifier.present());
        CHECK(notifier.ready("serving 3 devices"));
        CHECK(manager.heard() == "READY=1\nSTATUS=serving 3 devices");
        CHECK(notifier.status("two\nlines"));
        CHECK(manager.heard() == "STATUS=two lines");
        CHECK(notifier.watchdog());
        CHECK(manager.heard() == "WATCHDOG=1\n");
        CHECK(notifier.stopping());
        CHECK(manager.heard() == "STOPPING=1\n");
        CHECK(!notifier.watchdog_interval());
    }
}

TEST_CASE("the watchdog's interval, when it is meant for this process") {
    const test::TemporaryFolder folder;
    const Manager manager((folder / "notify").string());
    ::setenv("WATCHDOG_USEC", "30000000", 1);
    CHECK(platform::ServiceNotifier().watchdog_interval() == std::chrono::seconds(30));
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
    CHECK(platform::ServiceNotifier().watchdog_interval() == std::chrono::seconds(30));
    ::setenv("WATCHDOG_PID", "1", 1);
    CHECK(!platform::ServiceNotifier().watchdog_interval());
    ::unsetenv("WATCHDOG_PID");
    for (const char* bad : {"0", "-5", "soon", "1s", ""}) {
        ::setenv("WATCHDOG_USEC", bad, 1);
        CHECK(!platform::ServiceNotifier().watchdog_interval());
    }
}

TEST_CASE("without a manager nothing happens") {
    ::unsetenv("NOTIFY_SOCKET");
    CHECK(!platform::ServiceNotifier().present());
    CHECK(!platform::ServiceNotifier().ready());
    for (const std::string& bad : {std::string("relative"), std::string("/"), "/" + std::string(200, 'x')}) {
        ::setenv("NOTIFY_SOCKET", bad.c_str(), 1);
        CHECK(!platform::ServiceNotifier().present());
    }
    ::setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
    CHECK(platform::ServiceNotifier().present());
    CHECK(!platform::ServiceNotifier().ready());
    ::unsetenv("NOTIFY_SOCKET");
}

TEST_CASE("a manager that does not listen does not hold the process up") {
    const test::TemporaryFolder folder;
    const Manager manager((folder / "notify").string());
    const platform::ServiceNotifier notifier;
    bool taken = true;
    for (int i = 0; i < 100000 && taken; ++i)
        taken = notifier.watchdog();
    CHECK(!taken);  // its queue is full, and the call came back
}
