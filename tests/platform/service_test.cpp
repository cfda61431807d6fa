#include "platform/service.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "support/service_manager.hpp"
#include "support/temporary_folder.hpp"

using namespace shoal;
using Manager = test::ServiceManager;

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

TEST_CASE("output goes to the journal when it is the journal's own") {
    const test::TemporaryFolder folder;
    folder.write("stream", "");
    const int file = ::open((folder / "stream").c_str(), O_WRONLY | O_CLOEXEC);
    struct stat status {};
    REQUIRE(::fstat(file, &status) == 0);
    ::unsetenv("JOURNAL_STREAM");
    CHECK(!platform::goes_to_journal(file));
    const std::string own = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
    ::setenv("JOURNAL_STREAM", own.c_str(), 1);
    CHECK(platform::goes_to_journal(file));
    CHECK(!platform::goes_to_journal(-1));
    for (const std::string& bad : {std::string(), std::string("1"), own + "0", "0" + own}) {
        ::setenv("JOURNAL_STREAM", bad.c_str(), 1);
        CHECK(!platform::goes_to_journal(file));
    }
    ::unsetenv("JOURNAL_STREAM");
    ::close(file);
}
