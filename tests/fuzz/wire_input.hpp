// How a fuzzer's bytes become a message, and a message such bytes:
//   u8 what to decode (0 to 4: a Direction of tests/wire/messages.hpp, 5: a graph); with the top bit set, the prefix
//   stays as it is, else its counts are made right, so that the fuzzer gets past them
//   u8 payload frames (0 to 7), for each: u16 its size
//   the payload frames' bytes, then the first frame's
#pragma once

#include <cstring>

#include "base/endian.hpp"
#include "wire/messages.hpp"

namespace shoal::test {

struct FuzzInput {
    int target = 0;
    wire::Frames frames;
};

inline FuzzInput fuzz_input(base::ByteView bytes) {
    FuzzInput out;
    const auto take = [&](std::size_t count) {
        const auto got = bytes.first(std::min(count, bytes.size()));
        bytes = bytes.subspan(got.size());
        return got;
    };
    if (bytes.size() < 2) return out;
    const auto choice = std::to_integer<unsigned>(take(1)[0]);
    out.target = static_cast<int>((choice & 0x7fU) % 6);
    const std::size_t payloads = std::to_integer<unsigned>(take(1)[0]) % 8;
    std::vector<std::size_t> sizes;
    for (std::size_t i = 0; i < payloads; ++i) {
        const auto size = take(2);
        sizes.push_back(size.size() == 2 ? base::load_le<std::uint16_t>(size.data()) : 0);
    }
    for (const std::size_t size : sizes)
        out.frames.push_back(base::SharedBytes::copy_of(take(size)));
    std::vector<std::byte> first(bytes.begin(), bytes.end());
    if (choice < 0x80 && first.size() >= 16) {
        first[9] = static_cast<std::byte>(payloads);
        base::store_le(first.data() + 12, static_cast<std::uint32_t>(first.size() - 16));
    }
    out.frames.insert(out.frames.begin(), base::SharedBytes::own(std::move(first)));
    return out;
}

inline std::vector<std::byte> fuzz_bytes(int target, const wire::Frames& frames) {
    std::vector<std::byte> out{static_cast<std::byte>(target), static_cast<std::byte>(frames.size() - 1)};
    for (std::size_t i = 1; i < frames.size(); ++i) {
        out.resize(out.size() + 2);
        base::store_le(out.data() + out.size() - 2, static_cast<std::uint16_t>(frames[i].size()));
    }
    for (std::size_t i = 1; i <= frames.size(); ++i) {
        const auto& frame = frames[i % frames.size()];
        out.insert(out.end(), frame.view().begin(), frame.view().end());
    }
    return out;
}

}  // namespace shoal::test
