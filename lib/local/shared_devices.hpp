// Several devices of this machine that share a model's work: a hub, one board with these devices and a client, all
// inside this process. What a cluster does between boards is done between devices: kernels are timed on each, and the
// plan gives every device the share that it is worth. Nothing listens anywhere: the ports are queues.
//
// The board has the devices' memory, shared or their own, and a device that fails is a board's device that fails.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "client/client.hpp"
#include "runtime/backend.hpp"

namespace shoal::local {

/// What plans call the board; a device of several is "here:ID".
inline constexpr const char* kBoard = "here";

struct SharingOptions {
    std::uint64_t memory_limit_bytes = 0;  ///< of all devices together; 0: what they can use
    std::filesystem::path cache_folder{};  ///< weights by content hash, kernel times; empty: "devices" below the caches
    std::function<bool()> cancelled{};     ///< asked every few milliseconds; ends starting with Code::cancelled
};

/// A client of the hub that plans for these devices; hub and board end with the last copy of it. Throws
/// invalid_argument (no device), io (the cache folder), timeout, cancelled, and what measuring a device throws.
[[nodiscard]] std::shared_ptr<client::Client> share_devices(std::vector<std::shared_ptr<runtime::Backend>> devices,
                                                            const SharingOptions& options = {});

}  // namespace shoal::local
