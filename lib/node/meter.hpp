// Memory that the node uses, counted: what it holds at this moment, and what it has promised to have room for.
//
// A stage claims its worst case before it is made (weights, arena, as many messages as it grants credits), so what is
// held within claims can never pass the limit. Holds count what is really there. Safe to use from several threads;
// claims and holds may outlive the meter.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

namespace shoal::node {

class MemoryMeter {
    struct State;

public:
    /// Bytes that count for as long as it lives.
    class Share {
    public:
        Share() = default;
        Share(Share&& other) noexcept;
        Share& operator=(Share&& other) noexcept;
        ~Share();

        [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
        void release() noexcept;

    private:
        friend class MemoryMeter;
        enum class Kind : std::uint8_t { held, claimed, passing };
        Share(std::shared_ptr<State> state, std::uint64_t bytes, Kind kind)
            : state_(std::move(state)), bytes_(bytes), kind_(kind) {}

        std::shared_ptr<State> state_;
        std::uint64_t bytes_ = 0;
        Kind kind_ = Kind::held;
    };

    /// `kept_back`: part of the limit that cannot be claimed, for small messages on their way.
    explicit MemoryMeter(std::uint64_t limit_bytes, std::uint64_t kept_back = 0);

    /// Room for so many bytes; nothing when the limit does not leave them.
    [[nodiscard]] std::optional<Share> claim(std::uint64_t bytes);
    /// The same for what will be over soon, whoever needs the room: it is worth waiting for.
    [[nodiscard]] std::optional<Share> claim_for_a_while(std::uint64_t bytes);
    /// Counts bytes that are there.
    [[nodiscard]] Share hold(std::uint64_t bytes);
    /// Bytes that wait to be sent; replaces what was said before.
    void set_unsent(std::uint64_t bytes) noexcept;

    [[nodiscard]] std::uint64_t limit() const noexcept;
    /// The most that all claims together can be.
    [[nodiscard]] std::uint64_t claimable() const noexcept;
    [[nodiscard]] std::uint64_t used() const noexcept;
    [[nodiscard]] std::uint64_t peak() const noexcept;
    [[nodiscard]] std::uint64_t unsent() const noexcept;
    [[nodiscard]] std::uint64_t claimed() const noexcept;
    /// What of that is claimed for a while.
    [[nodiscard]] std::uint64_t passing() const noexcept;
    /// What could be claimed now.
    [[nodiscard]] std::uint64_t unclaimed() const noexcept { return claimable() - claimed(); }

private:
    std::shared_ptr<State> state_;
};

}  // namespace shoal::node
