// Views of bytes, and bytes that several owners share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace shoal::base {

using ByteView = std::span<const std::byte>;
using ByteSpan = std::span<std::byte>;

/// Immutable bytes kept alive by whoever holds a copy: a mapped file, a received frame, a computed tensor.
/// Copying costs a reference count. Safe to read from several threads.
class SharedBytes {
public:
    SharedBytes() = default;
    /// `owner` keeps `view` alive; it may own far more than the view (a whole mapped file).
    SharedBytes(std::shared_ptr<const void> owner, ByteView view) : owner_(std::move(owner)), view_(view) {}

    [[nodiscard]] ByteView view() const noexcept { return view_; }
    [[nodiscard]] const std::byte* data() const noexcept { return view_.data(); }
    [[nodiscard]] std::size_t size() const noexcept { return view_.size(); }
    [[nodiscard]] bool empty() const noexcept { return view_.empty(); }
    [[nodiscard]] const std::shared_ptr<const void>& owner() const noexcept { return owner_; }

    /// The `count` bytes from `offset`, with the same owner; throws invalid_argument when they are not there.
    [[nodiscard]] SharedBytes slice(std::size_t offset, std::size_t count) const;

    static SharedBytes copy_of(ByteView bytes);
    static SharedBytes own(std::vector<std::byte> bytes);

private:
    std::shared_ptr<const void> owner_;
    ByteView view_;
};

/// A trivially copyable value's bytes.
template <class T>
[[nodiscard]] ByteView bytes_of(std::span<const T> values) {
    return std::as_bytes(values);
}

}  // namespace shoal::base
