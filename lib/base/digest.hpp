// Content hashes: the address of weights, graphs and programs on every board.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace shoal::base {

/// BLAKE2b-256 (RFC 7693) of some bytes. Ordered, hashable, printed as 64 hex digits.
struct Digest {
    std::array<std::uint8_t, 32> bytes{};

    auto operator<=>(const Digest&) const = default;
    [[nodiscard]] std::string hex() const;
    /// The first 12 digits, for people.
    [[nodiscard]] std::string brief() const { return hex().substr(0, 12); }

    static Digest of(ByteView bytes);
    static Digest of(std::string_view text);
    /// Reads 64 hex digits; throws invalid_argument on anything else.
    static Digest from_hex(std::string_view hex);
};

/// Digest of bytes that come in pieces. finish() ends it.
class DigestBuilder {
public:
    DigestBuilder();
    ~DigestBuilder();
    DigestBuilder(DigestBuilder&&) noexcept;
    DigestBuilder& operator=(DigestBuilder&&) noexcept;

    DigestBuilder& add(ByteView bytes);
    DigestBuilder& add(std::string_view text);
    [[nodiscard]] Digest finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace shoal::base

template <>
struct std::hash<shoal::base::Digest> {
    std::size_t operator()(const shoal::base::Digest& digest) const noexcept {
        std::size_t out = 0;  // The digest is uniform: any of its bytes make a good hash.
        for (std::size_t i = 0; i < sizeof out; ++i)
            out = out << 8 | digest.bytes[i];
        return out;
    }
};
