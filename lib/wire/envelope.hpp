// The envelope of a message: the prefix in front of its first frame, and its payload frames. Internal to the wire.
#pragma once

#include <vector>

#include "base/bytes.hpp"
#include "tensor/tensor.hpp"
#include "wire/byte_io.hpp"
#include "wire/limits.hpp"
#include "wire/message.hpp"

namespace shoal::wire {

inline constexpr std::size_t kPrefixBytes = 16;

/// A body that begins with room for the prefix.
[[nodiscard]] inline ByteWriter letter() {
    return ByteWriter(kPrefixBytes);
}
/// The letter with its prefix, and the payload, as frames. Throws invalid_argument above the maxima.
[[nodiscard]] Frames seal(Kind kind, ByteWriter letter, Frames payload = {});

/// A received message, its prefix checked.
class Envelope {
public:
    /// Throws network, or refused for another major version (unless it is a Refused).
    explicit Envelope(const Frames& frames);

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    [[nodiscard]] base::ByteView body() const noexcept { return body_; }
    [[nodiscard]] std::size_t payloads() const noexcept { return frames_.size() - 1; }
    [[nodiscard]] const base::SharedBytes& payload(std::size_t i) const { return frames_[i + 1]; }
    /// Throws network unless there are exactly so many payload frames.
    void expect_payloads(std::size_t count) const;
    /// Payload i as a tensor of that type; throws network naming both sizes when it has another.
    [[nodiscard]] tensor::Tensor tensor(std::size_t i, tensor::Type type) const;

private:
    const Frames& frames_;
    Kind kind_;
    base::ByteView body_;
};

/// Throws network unless `value` is an element type; shared by all layouts.
[[nodiscard]] tensor::ElementType checked_element(std::uint8_t value);
/// Throws network unless it is a code that this version knows.
[[nodiscard]] base::Code checked_code(std::uint32_t value);

/// At most kMaxTextBytes of it, cut at a character's boundary.
[[nodiscard]] std::string_view shortened(std::string_view text) noexcept;

}  // namespace shoal::wire
