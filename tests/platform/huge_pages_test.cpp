#include "platform/huge_pages.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>

using namespace shoal;

TEST_CASE("a wish for large pages changes no byte, wherever it begins and however little it is") {
    constexpr std::size_t kBytes = std::size_t{5} << 20;
    const auto memory = std::make_unique<std::byte[]>(kBytes);
    std::fill_n(memory.get(), kBytes, std::byte{7});
    for (const std::size_t from : {std::size_t{0}, std::size_t{1}, std::size_t{4095}, kBytes - 3, kBytes})
        platform::prefer_huge_pages({memory.get() + from, kBytes - from});
    platform::prefer_huge_pages({});
    CHECK(std::all_of(memory.get(), memory.get() + kBytes, [](std::byte b) { return b == std::byte{7}; }));
}
