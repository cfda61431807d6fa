#include "cli/request_window.hpp"

#include <doctest/doctest.h>

using namespace shoal;
using cli::RequestWindow;

TEST_CASE("a hub that was full for a moment is given as many requests as before once it answers again") {
    auto now = base::TimePoint{} + std::chrono::hours(1);
    RequestWindow window(8);
    CHECK(window.has_room(7, now));
    CHECK_FALSE(window.has_room(8, now));
    window.was_full(0, now);
    CHECK_FALSE(window.has_room(0, now));  // not at once
    now = window.not_before();
    CHECK(window.has_room(0, now));
    CHECK_FALSE(window.has_room(1, now));
    for (std::size_t answers = 1; answers <= 20; ++answers) {
        window.answered();
        CHECK_FALSE(window.has_room(std::min<std::size_t>(answers + 1, 8), now));
        CHECK(window.has_room(std::min<std::size_t>(answers + 1, 8) - 1, now));
    }
    window.was_full(5, now);
    window.answered();  // room came before the pause was over
    CHECK(window.has_room(5, now));
    CHECK_FALSE(window.has_room(6, now));
    CHECK(RequestWindow(0).has_room(0, now));
}

TEST_CASE("while nothing can be answered one request asks whether that has changed") {
    auto now = base::TimePoint{} + std::chrono::hours(1);
    RequestWindow window(8);
    window.pause(now);
    CHECK_FALSE(window.has_room(0, now));
    now = window.not_before();
    CHECK(window.has_room(0, now));
    CHECK_FALSE(window.has_room(1, now));
    window.answered();
    CHECK(window.has_room(1, now));
}
