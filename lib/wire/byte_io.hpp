// Fixed little-endian layouts, written and read with every length checked. Internal to the wire.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/endian.hpp"
#include "base/error.hpp"

namespace shoal::wire {

class ByteWriter {
public:
    /// Begins with that many bytes of 0.
    explicit ByteWriter(std::size_t leading_bytes = 0) : bytes_(leading_bytes) {}

    template <class T>
    ByteWriter& put(const T& value) {
        std::array<std::byte, sizeof(T)> raw;
        base::store_le(raw.data(), value);
        return put_bytes(raw);
    }
    ByteWriter& put_bytes(base::ByteView bytes) {
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        return *this;
    }
    /// A length of 32 bits and the bytes.
    ByteWriter& put_text(std::string_view text) {
        put(static_cast<std::uint32_t>(text.size()));
        return put_bytes(std::as_bytes(std::span(text.data(), text.size())));
    }
    [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
    [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

private:
    std::vector<std::byte> bytes_;
};

/// Throws Code::network when something is read that is not there.
class ByteReader {
public:
    explicit ByteReader(base::ByteView bytes) : left_(bytes) {}

    template <class T>
    [[nodiscard]] T get() {
        return base::load_le<T>(get_bytes(sizeof(T)).data());
    }
    [[nodiscard]] base::ByteView get_bytes(std::size_t count) {
        if (count > left_.size()) {
            base::fail(base::Code::network, "it ends after ", left_.size(), " of ", count, " bytes that belong there");
        }
        const auto out = left_.first(count);
        left_ = left_.subspan(count);
        return out;
    }
    [[nodiscard]] std::string get_text(std::size_t limit) {
        const auto size = get<std::uint32_t>();
        if (size > limit)
            base::fail(base::Code::network, "a text of ", size, " bytes; at most ", limit, " may be sent");
        const auto bytes = get_bytes(size);
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    void expect_end() const {
        if (!left_.empty()) base::fail(base::Code::network, left_.size(), " bytes too many");
    }

private:
    base::ByteView left_;
};

}  // namespace shoal::wire
