#include "base/error.hpp"

#include <doctest/doctest.h>

#include <set>

#include "base/log.hpp"
#include "base/time.hpp"
#include "support/comma_locale.hpp"

using namespace shoal;
using base::Code;
using base::LogLevel;

TEST_CASE("an error carries its code and its joined message") {
    try {
        base::fail(Code::does_not_fit, "board ", 7, ": needs ", 2.5, " GiB");
        FAIL("nothing thrown");
    } catch (const base::Error& error) {
        CHECK(error.code() == Code::does_not_fit);
        CHECK(std::string(error.what()) == "board 7: needs 2.5 GiB");
    }
    CHECK_NOTHROW(base::ensure(true, "never"));
    CHECK_THROWS_WITH(base::ensure(false, "tensor ", 3), "tensor 3");
}

TEST_CASE("numbers in texts do not follow the host program's locale") {
    const test::CommaLocale comma;
    CHECK(base::text(12345, ' ', 2.5) == "12345 2.5");
    double number = 0;
    base::plain_input("2.5") >> number;
    CHECK(number == 2.5);
}

TEST_CASE("every code has a name of its own") {
    std::set<std::string_view> names;
    for (int code = 0; code < 64; ++code) {
        const auto name = base::name(static_cast<Code>(code));
        if (name != "unknown") CHECK(names.insert(name).second);
    }
    CHECK(names.size() == 15);
}

TEST_CASE("the log goes to the sink, from the level that was asked for") {
    std::vector<std::string> lines;
    CHECK(!base::log_enabled(LogLevel::error));
    base::set_log_sink(
        [&](LogLevel level, std::string_view room, std::string_view message) {
            lines.push_back(base::text(name(level), "|", room, "|", message));
        },
        LogLevel::info);
    base::log_debug("hub", "not heard");
    base::log_info("hub", "board ", 3, " joined");
    base::log_warning("node", "slow");
    CHECK(base::log_enabled(LogLevel::error));
    CHECK(!base::log_enabled(LogLevel::debug));
    base::set_log_sink([](LogLevel, std::string_view, std::string_view) { throw 1; });
    CHECK_NOTHROW(base::log_warning("hub", "a sink that throws"));
    base::set_log_sink({});
    base::log_warning("hub", "not heard either");
    CHECK(lines == std::vector<std::string>{"info|hub|board 3 joined", "warning|node|slow"});
}

TEST_CASE("deadlines are never for ever") {
    const auto now = base::SteadyClock::now();
    CHECK(base::deadline_in(std::chrono::hours(1000)) <= now + base::kLongestWait + std::chrono::minutes(1));
    CHECK(base::deadline_in(std::chrono::seconds(0)) >= now);
    CHECK(base::to_ms(std::chrono::microseconds(1500)) == doctest::Approx(1.5));
    CHECK(base::from_ms(2.5) == std::chrono::microseconds(2500));
}
