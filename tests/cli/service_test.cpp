// What `hub` and `node` tell the service manager and its journal.
#include "cli/service.hpp"

#include <doctest/doctest.h>

#include "cli/command.hpp"
#include "cli/journal.hpp"
#include "platform/child_process.hpp"
#include "platform/service.hpp"
#include "support/process.hpp"
#include "support/service_manager.hpp"

using namespace shoal;
using namespace shoal::test;
using std::chrono::seconds;

TEST_CASE("the watchdog hears of a process only while what it serves is alive") {
    const TemporaryFolder folder;
    const ServiceManager manager((folder / "notify").string());
    ::setenv("WATCHDOG_USEC", "20000", 1);
    const auto heard_while = [&](const std::function<std::uint64_t()>& turns) {
        int looks = 0;
        std::string heard;
        const auto look = [&] {
            const auto message = manager.heard();
            if (message != "nothing") heard += message + ";";
            return ++looks < 10;
        };
        cli::serve_until_signal({.status = "well", .still_well = look, .turns = turns});
        return heard + manager.heard();
    };
    std::uint64_t turns = 7;
    CHECK(heard_while([&] { return turns; }) == "READY=1\nSTATUS=well;STOPPING=1\n");
    const auto alive = heard_while([&] { return ++turns; });
    CHECK(contains(alive, "READY=1\nSTATUS=well;WATCHDOG=1\n;WATCHDOG=1\n;"));
    CHECK(contains(heard_while({}), "READY=1\nSTATUS=well;WATCHDOG=1\n;"));
    ::unsetenv("WATCHDOG_USEC");
    CHECK(heard_while([&] { return ++turns; }) == "READY=1\nSTATUS=well;STOPPING=1\n");
}

TEST_CASE("a manager that was too busy to hear is told again") {
    const TemporaryFolder folder;
    const ServiceManager manager((folder / "notify").string());
    ::setenv("WATCHDOG_USEC", "20000", 1);
    const platform::ServiceNotifier others;
    while (others.status("starting")) {}
    int looks = 0;
    std::string heard;
    const auto look = [&] {
        if (++looks < 4) return true;
        for (auto message = manager.heard(); message != "nothing"; message = manager.heard())
            if (message != "STATUS=starting") heard += message + ";";
        return looks < 10;
    };
    cli::serve_until_signal({.status = "well", .still_well = look});
    CHECK(heard.substr(0, heard.find(';')) == "READY=1\nSTATUS=well");
    CHECK(contains(heard, "WATCHDOG=1\n;"));
}

TEST_CASE("a hub and a node say that they are ready, alive and going") {
    const TemporaryFolder folder;
    const ServiceManager manager((folder / "notify").string());
    ::setenv("WATCHDOG_USEC", "200000", 1);
    const std::string cache = (folder / "cache").string();
    const std::vector<std::vector<std::string>> services = {
        {SHOAL_COMMAND, "hub", "--listen", "127.0.0.1:*", "--cache", cache},
        // Ready without a hub: boards come before it and outlive it.
        {SHOAL_COMMAND, "node", "--hub", "127.0.0.1:9", "--device", "host", "--memory", "8MiB", "--cache", cache}};
    for (const auto& command : services) {
        CAPTURE(command[1]);
        auto service = platform::ChildProcess::run(command);
        CHECK(manager.heard(seconds(30)).substr(0, 8) == "READY=1\n");
        CHECK(manager.heard(seconds(30)) == "WATCHDOG=1\n");
        CHECK(manager.heard(seconds(30)) == "WATCHDOG=1\n");
        service.ask_to_end();
        std::string last = manager.heard(seconds(30));
        while (last == "WATCHDOG=1\n")
            last = manager.heard(seconds(30));
        CHECK(last == "STOPPING=1\n");
        while (service.read_line(seconds(30)).kind == platform::ChildProcess::Line::Kind::text) {}
    }
}

TEST_CASE("a hub serves though a file among the allowed keys is none, and says which") {
    const TemporaryFolder folder;
    const auto served = run_command("cd " + folder.path().string() +
                                    " && mkdir allowed && shoal='timeout --foreground 60 " SHOAL_COMMAND
                                    "'; $shoal keygen -q hub && $shoal keygen -q allowed/a && rm allowed/a.key && "
                                    "echo table >allowed/b.pub && "
                                    "{ $shoal hub --listen '127.0.0.1:*' --key hub --allow allowed --cache cache "
                                    ">log 2>&1 & hub=$!; until grep -q left.out log; do kill -0 $hub || break; done; "
                                    "sleep 2; kill $hub; wait $hub; cat log; }");
    CHECK(contains(served.output, "listening on"));
    const auto told = served.output.find("left out of the allowed keys: 'allowed/b.pub' is not a public key");
    REQUIRE(told != std::string::npos);
    CHECK(served.output.find("left out", told + 1) == std::string::npos);  // every second it looks, but tells it once
}

TEST_CASE("every line for the journal has its priority") {
    using base::LogLevel;
    CHECK(cli::for_journal(LogLevel::error, "one\ntwo") == "<3>one\n<3>two");
    CHECK(cli::for_journal(LogLevel::warning, "") == "<4>");
    CHECK(cli::for_journal(LogLevel::info, "x") == "<6>x");
    CHECK(cli::for_journal(LogLevel::debug, "x") == "<7>x");
}

TEST_CASE("the journal gets priorities instead of the time of day") {
    const TemporaryFolder folder;
    const std::string here =
        "cd " + folder.path().string() + " && : >log && export JOURNAL_STREAM=$(stat -c %d:%i log); ";
    const auto failed = run_command(here + SHOAL_COMMAND " inspect none.onnx 2>>log; cat log");
    CHECK(failed.output.substr(0, 17) == "<3>shoal inspect:");
    const auto elsewhere = run_command(here + SHOAL_COMMAND " inspect none.onnx 2>other; cat other");
    CHECK(elsewhere.output.substr(0, 14) == "shoal inspect:");
    const auto served = run_command(here + "timeout --foreground 60 " SHOAL_COMMAND
                                           " hub --listen '127.0.0.1:*' --cache cache >>log & hub=$!; "
                                           "until grep -q listening log; do kill -0 $hub || break; done; "
                                           "kill $hub; wait $hub; cat log");
    CHECK(contains(served.output, "<6>listening on tcp://127.0.0.1:"));
    CHECK(contains(served.output, "<6>stopping\n"));
}
