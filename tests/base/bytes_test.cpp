#include "base/bytes.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "base/endian.hpp"
#include "base/error.hpp"

using namespace shoal;
using base::SharedBytes;

namespace {

std::vector<std::byte> counting(std::size_t size) {
    std::vector<std::byte> out(size);
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<std::byte>(i);
    return out;
}

}  // namespace

TEST_CASE("copies share the bytes, and the last one frees them") {
    auto owner = std::make_shared<std::vector<std::byte>>(counting(13));
    const std::weak_ptr<void> watch = owner;
    SharedBytes first(owner, *owner);
    owner.reset();
    SharedBytes second = first;
    CHECK(first.data() == second.data());
    first = {};
    CHECK(!watch.expired());
    CHECK(std::to_integer<int>(second.data()[12]) == 12);
    second = {};
    CHECK(watch.expired());
}

TEST_CASE("slices are views with the same owner") {
    const auto bytes = SharedBytes::own(counting(127));
    const auto slice = bytes.slice(13, 3);
    CHECK(slice.size() == 3);
    CHECK(slice.data() == bytes.data() + 13);
    CHECK(slice.owner() == bytes.owner());
    CHECK(bytes.slice(0, 127).size() == 127);
    CHECK(bytes.slice(127, 0).empty());
    CHECK(bytes.slice(0, 0).empty());
    CHECK(slice.slice(1, 2).data() == bytes.data() + 14);
}

TEST_CASE("a slice outside is refused, whatever the numbers") {
    constexpr auto kMax = std::numeric_limits<std::size_t>::max();
    const auto bytes = SharedBytes::own(counting(13));
    for (const auto& [offset, count] : {std::pair<std::size_t, std::size_t>{14, 0},
                                        {0, 14},
                                        {13, 1},
                                        {kMax, 0},
                                        {kMax, kMax},
                                        {1, kMax},
                                        {13, kMax - 12}}) {
        CHECK_THROWS_AS((void)bytes.slice(offset, count), base::Error);
    }
    CHECK_THROWS_WITH((void)bytes.slice(7, 9), "bytes 7 to 7+9 are outside of 13 bytes");
    CHECK_THROWS_AS((void)SharedBytes().slice(0, 1), base::Error);
    CHECK(SharedBytes().slice(0, 0).empty());
}

TEST_CASE("own memory is copied or taken") {
    auto bytes = counting(16);
    const auto copy = SharedBytes::copy_of(bytes);
    bytes[0] = std::byte{99};
    CHECK(std::to_integer<int>(copy.data()[0]) == 0);
    const auto* data = bytes.data();
    CHECK(SharedBytes::own(std::move(bytes)).data() == data);
}

TEST_CASE("numbers at unaligned places, little-endian") {
    std::byte memory[16] = {};
    base::store_le(memory + 1, std::uint32_t{0x04030201});
    for (int i = 0; i < 4; ++i)
        CHECK(std::to_integer<int>(memory[1 + i]) == i + 1);
    CHECK(base::load_le<std::uint32_t>(memory + 1) == 0x04030201);
    CHECK(base::load_le<std::uint16_t>(memory + 2) == 0x0302);
    base::store_le(memory + 3, -1.5);
    CHECK(base::load_le<double>(memory + 3) == -1.5);
}
