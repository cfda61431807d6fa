#include "base/digest.hpp"

#include <sodium/crypto_generichash.h>

#include "base/error.hpp"

namespace shoal::base {
namespace {

int nibble(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

struct DigestBuilder::State {
    crypto_generichash_state blake2b;
};

DigestBuilder::DigestBuilder() : state_(std::make_unique<State>()) {
    crypto_generichash_init(&state_->blake2b, nullptr, 0, sizeof(Digest::bytes));
}
DigestBuilder::~DigestBuilder() = default;
DigestBuilder::DigestBuilder(DigestBuilder&&) noexcept = default;
DigestBuilder& DigestBuilder::operator=(DigestBuilder&&) noexcept = default;

DigestBuilder& DigestBuilder::add(ByteView bytes) {
    crypto_generichash_update(&state_->blake2b, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    return *this;
}

DigestBuilder& DigestBuilder::add(std::string_view text) {
    return add(std::as_bytes(std::span(text.data(), text.size())));
}

Digest DigestBuilder::finish() {
    Digest out;
    crypto_generichash_final(&state_->blake2b, out.bytes.data(), out.bytes.size());
    return out;
}

Digest Digest::of(ByteView bytes) {
    return DigestBuilder().add(bytes).finish();
}

Digest Digest::of(std::string_view text) {
    return DigestBuilder().add(text).finish();
}

std::string Digest::hex() const {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(2 * bytes.size());
    for (const auto byte : bytes) {
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

Digest Digest::from_hex(std::string_view hex) {
    Digest out;
    if (hex.size() != 2 * out.bytes.size()) {
        fail(Code::invalid_argument, "a content hash has 64 hex digits, got ", hex.size());
    }
    for (std::size_t i = 0; i < out.bytes.size(); ++i) {
        const int high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);
        if (high < 0 || low < 0) fail(Code::invalid_argument, "not a hex digit in content hash '", hex, "'");
        out.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return out;
}

}  // namespace shoal::base
