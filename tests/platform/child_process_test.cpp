#include "platform/child_process.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <system_error>

using namespace shoal;
using namespace std::chrono_literals;
using platform::ChildProcess;
using Kind = ChildProcess::Line::Kind;

namespace {

void say(int output, const char* text) {
    if (::write(output, text, std::strlen(text)) < 0) ::_exit(9);
}

}  // namespace

TEST_CASE("a forked child reports line by line") {
    auto child = ChildProcess::fork([](int output) {
        say(output, "one\ntwo");
        say(output, " and a half\n\nlast without newline");
    });
    for (const char* expected : {"one", "two and a half", ""}) {
        const auto line = child.read_line(20s);
        CHECK(line.kind == Kind::text);
        CHECK(line.text == expected);
    }
    CHECK(child.read_line(20s).kind == Kind::end);
    CHECK(child.end() == platform::ChildEnd{0, std::nullopt});
}

TEST_CASE("a child that hangs is late, and then killed") {
    auto child = ChildProcess::fork([](int output) {
        say(output, "begun\n");
        for (;;)
            ::pause();
    });
    CHECK(child.read_line(20s).text == "begun");
    CHECK(child.read_line(20ms).kind == Kind::late);
    CHECK(child.end() == platform::ChildEnd{std::nullopt, SIGKILL});
}

TEST_CASE("how a child died is known") {
    auto aborted = ChildProcess::fork([](int) {
        ::signal(SIGABRT, SIG_DFL);
        std::abort();
    });
    CHECK(aborted.read_line(20s).kind == Kind::end);
    CHECK(aborted.end().signal == SIGABRT);
    auto gone = ChildProcess::fork([](int) { ::_exit(7); });
    CHECK(gone.read_line(20s).kind == Kind::end);
    CHECK(gone.end().exit_code == 7);
    auto thrown = ChildProcess::fork([](int) { throw 1; });
    CHECK(thrown.read_line(20s).kind == Kind::end);
    CHECK(thrown.end().exit_code == 1);
}

TEST_CASE("a child has none of its parent's open files") {
    const int file = ::open("/dev/null", O_RDONLY);
    auto child = ChildProcess::fork([file](int output) {
        say(output, ::fcntl(file, F_GETFD) == -1 ? "closed\n" : "open\n");
        say(output, ::fcntl(1, F_GETFD) == -1 ? "closed\n" : "open\n");
    });
    CHECK(child.read_line(20s).text == "closed");
    CHECK(child.read_line(20s).text == "open");
    ::close(file);
}

TEST_CASE("a program as a child") {
    auto child = ChildProcess::run({"sh", "-c", "echo hello; echo ignored >&2; exit 3"});
    CHECK(child.read_line(20s).text == "hello");
    CHECK(child.read_line(20s).kind == Kind::end);
    CHECK(child.end().exit_code == 3);
    CHECK_THROWS_AS(ChildProcess::run({"/no/such/program"}), std::system_error);
    CHECK_THROWS_AS(ChildProcess::run({}), std::system_error);
}

TEST_CASE("children report to a program whose standard streams are closed") {
    auto closed = ChildProcess::fork([](int output) {
        for (const int stream : {0, 1, 2})
            ::close(stream);
        auto copy = ChildProcess::fork([](int line) { say(line, "copy\n"); });
        say(output, (copy.read_line(20s).text + "\n").c_str());
        auto program = ChildProcess::run({"sh", "-c", "echo program"});
        say(output, (program.read_line(20s).text + "\n").c_str());
        say(output, ::fcntl(0, F_GETFD) == -1 ? "still closed\n" : "open\n");
    });
    for (const char* expected : {"copy", "program", "still closed"})
        CHECK(closed.read_line(20s).text == expected);
}

TEST_CASE("a line without end is cut") {
    auto child = ChildProcess::run({"sh", "-c", "head -c 10000 /dev/zero | tr '\\0' x"});
    const auto line = child.read_line(20s);
    CHECK(line.kind == Kind::text);
    CHECK(line.text == std::string(4096, 'x'));
}
