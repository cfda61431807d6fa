#include "transport/mailbox.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using shoal::transport::Mailbox;

TEST_CASE("work is run in order, and what fails takes nothing else with it") {
    Mailbox mailbox;
    std::vector<int> ran;
    CHECK_FALSE(mailbox.answer());
    CHECK(mailbox.put([&] { ran.push_back(1); }));
    CHECK_FALSE(mailbox.put([&] {
        CHECK(mailbox.put([&] { ran.push_back(4); }));
        throw std::runtime_error("as the test wants it");
    }));
    CHECK_FALSE(mailbox.put([&] { ran.push_back(2); }));
    CHECK_FALSE(mailbox.put([&] { ran.push_back(3); }));
    CHECK_THROWS_AS(mailbox.answer(), std::runtime_error);
    CHECK(ran == std::vector<int>{1});
    CHECK(mailbox.called());
    CHECK(mailbox.answer());
    CHECK(ran == std::vector<int>{1, 2, 3, 4});
    CHECK_FALSE(mailbox.answer());
    CHECK(mailbox.put([] { throw std::runtime_error("the last one"); }));
    CHECK_THROWS_AS(mailbox.answer(), std::runtime_error);
    CHECK_FALSE(mailbox.answer());
}
