#include "platform/affinity.hpp"

#include <doctest/doctest.h>

#include <thread>

using namespace shoal;

TEST_CASE("a thread is pinned, and so are the threads it makes") {
    const auto before = platform::allowed_cores();
    REQUIRE(!before.empty());
    std::vector<int> inside, of_child;
    std::thread([&] {
        CHECK(platform::pin_thread({before.back()}));
        inside = platform::allowed_cores();
        std::thread([&] { of_child = platform::allowed_cores(); }).join();
    }).join();
    CHECK(inside == std::vector<int>{before.back()});
    CHECK(of_child == inside);
    CHECK(platform::allowed_cores() == before);
}

TEST_CASE("cores that do not exist are refused") {
    CHECK(!platform::pin_thread({}));
    CHECK(!platform::pin_thread({-1}));
    CHECK(!platform::pin_thread({8191}));
    CHECK(!platform::pin_thread({1 << 30}));
}
