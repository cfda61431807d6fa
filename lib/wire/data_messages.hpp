// The messages that carry bulk: activations, results, weights; and the small ones that pace them. Their headers are
// fixed little-endian layouts (format.md), cheap to make and to check; payload frames are shared, never copied, except
// that a received tensor which lies unaligned for its element type is moved to aligned memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "tensor/tensor.hpp"
#include "wire/limits.hpp"
#include "wire/message.hpp"

namespace shoal::wire {

/// One tensor for one port. `source` says which of the port's sources it is (Deploy), for ports that are put together
/// from parts; 0 otherwise.
struct Part {
    std::uint32_t port = 0;
    std::uint16_t source = 0;
    tensor::Tensor tensor{};
};

/// Inputs of a stage for one request: hub to board, or board to board. A stage with inputs from several places gets
/// several of these.
struct Activation {
    std::uint64_t deployment = 0;
    std::uint64_t request = 0;
    std::uint32_t epoch = 0;
    std::uint32_t stage = 0;
    std::uint32_t turn = 0;  ///< which choice every replicated part makes for this request (choose_replica)
    RemainingMs remaining_ms = kMaxRemainingMs;
    std::vector<Part> parts{};  ///< by the stage's input ports
};

/// Outputs of the last stages, board to hub.
struct Result {
    std::uint64_t deployment = 0;
    std::uint64_t request = 0;
    std::uint32_t epoch = 0;
    std::uint32_t stage = 0;
    std::uint32_t queued_us = 0;    ///< from the last input's arrival to the start of the run
    std::uint32_t computed_us = 0;  ///< the run
    std::vector<Part> parts{};      ///< by the stage's output ports
};

/// `count` more requests fit into the stage that says this: said to each stage that sends it inputs, and to the hub
/// where the hub does. The first one, right behind Ready, is Deploy::credits, or the sender's share of them when others
/// send the same in its place; behind PeerHello, when a board connects later, less what is held of that sender. Sending
/// a stage its inputs of one request, all in one Activation, takes one; the stage gives one back to each who sent when
/// the request's inputs are consumed, dropped or cancelled.
struct Credit {
    std::uint64_t deployment = 0;
    std::uint32_t epoch = 0;
    std::uint32_t stage = 0;
    std::uint32_t count = 0;
    std::uint32_t sender = 0;  ///< which of the other side's stages may send them; 0 to the hub
    bool operator==(const Credit&) const = default;
};

/// Hub to board: nobody waits for this request any more. Said to every board of the deployment. What waits is dropped
/// and its credits go back; a board that does not know the request (yet) ignores this, and may run it later for
/// nothing.
struct Cancel {
    std::uint64_t deployment = 0;
    std::uint64_t request = 0;
    bool operator==(const Cancel&) const = default;
};

/// Board to hub: a stage could not run a request.
struct StageError {
    std::uint64_t deployment = 0;
    std::uint64_t request = 0;
    std::uint32_t epoch = 0;
    std::uint32_t stage = 0;
    base::Code code = base::Code::internal;
    std::string text{};
    bool operator==(const StageError&) const = default;
};

/// A ping with a payload; ProbeEcho answers it at once, with no payload: what is measured is the payload's way there.
struct Probe {
    std::uint64_t task = 0;
    std::uint32_t sequence = 0;
    base::SharedBytes payload{};
};
struct ProbeEcho {
    std::uint64_t task = 0;
    std::uint32_t sequence = 0;
    bool operator==(const ProbeEcho&) const = default;
};

/// Weights are pulled by those who lack them, piece by piece, as fast as they can put them away.
struct BlobRequest {
    base::Digest digest{};
    std::uint64_t offset = 0;
    std::uint32_t size = 0;  ///< at most kMaxChunkBytes; the answer may be shorter at the blob's end
    bool operator==(const BlobRequest&) const = default;
};
struct Blob {
    base::Digest digest{};
    std::uint64_t offset = 0;
    std::uint64_t total = 0;  ///< size of the whole blob
    base::SharedBytes bytes{};
};
/// The other side does not have it either.
struct BlobMissing {
    base::Digest digest{};
    bool operator==(const BlobMissing&) const = default;
};

/// The other side will not: a request to join, or whatever `subject` names. Its layout is the same in every version, so
/// that a peer of the wrong version can read why.
struct Refused {
    std::uint64_t subject = 0;
    base::Code code = base::Code::refused;
    std::string text{};
    bool operator==(const Refused&) const = default;
};

/// The sender leaves in good order.
struct Goodbye {
    std::string reason{};
    bool operator==(const Goodbye&) const = default;
};

[[nodiscard]] Frames encode(const Activation& message);
[[nodiscard]] Frames encode(const Result& message);
[[nodiscard]] Frames encode(const Credit& message);
[[nodiscard]] Frames encode(const Cancel& message);
[[nodiscard]] Frames encode(const StageError& message);
[[nodiscard]] Frames encode(const Probe& message);
[[nodiscard]] Frames encode(const ProbeEcho& message);
[[nodiscard]] Frames encode(const BlobRequest& message);
[[nodiscard]] Frames encode(const Blob& message);
[[nodiscard]] Frames encode(const BlobMissing& message);
[[nodiscard]] Frames encode(const Refused& message);
[[nodiscard]] Frames encode(const Goodbye& message);

/// Which of a fan's choices (Deploy) a request takes, by its turn; hub and boards must agree, so it is defined here.
/// After n turns each choice has had its share to within 2 + log2(n) requests, and equal shares of 2, 4, 8, ... choices
/// go round exactly. Shares are finite, not negative and not all 0; no shares: the only choice.
[[nodiscard]] std::size_t choose_replica(const std::vector<double>& shares, std::uint32_t turn);

}  // namespace shoal::wire
