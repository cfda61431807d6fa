// The documented maxima of what travels (format.md). Encoders keep to them, decoders refuse what exceeds them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace shoal::wire {

inline constexpr std::size_t kMaxBodyBytes = std::size_t{64} << 20;  ///< of a message's first frame, without payload
inline constexpr std::size_t kMaxPayloads = 255;                     ///< payload frames of a message
inline constexpr std::size_t kMaxChunkBytes = std::size_t{8} << 20;  ///< of a blob in one message
inline constexpr std::size_t kChunkBytes = std::size_t{1} << 20;     ///< what one asks for at a time
inline constexpr std::size_t kMaxNameBytes = 128;                    ///< boards, clients, settings, versions
inline constexpr std::size_t kMaxEndpointBytes = 256;
inline constexpr std::size_t kMaxTextBytes = 4096;  ///< errors, reasons, labels; longer ones are cut
inline constexpr std::size_t kMaxDevices = 64;      ///< of a board
inline constexpr std::size_t kMaxBoards = 4096;
inline constexpr std::size_t kMaxModels = 256;       ///< of an ensemble
inline constexpr std::size_t kMaxPorts = 4096;       ///< inputs or outputs of a stage
inline constexpr std::size_t kMaxValues = 1U << 20;  ///< of a graph
inline constexpr std::size_t kMaxOps = 1U << 18;
inline constexpr std::size_t kMaxStages = 1U << 16;                  ///< of a board or a model
inline constexpr std::size_t kMaxSettings = 1024;                    ///< settings, facts or readings of a message
inline constexpr std::size_t kMaxProbes = 1U << 16;                  ///< of a measurement
inline constexpr std::size_t kMaxPlanDepth = 16;                     ///< splits inside splits
inline constexpr std::uint32_t kMaxRemainingMs = 24 * 3600 * 1000U;  ///< a deadline's distance: nothing waits longer

}  // namespace shoal::wire
