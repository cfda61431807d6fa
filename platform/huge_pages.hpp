// Large pages for memory that is walked through as a whole: one entry of the processor's address cache then serves 2 MiB
// and not 4 KiB, which matters most inside virtual machines, where a miss costs two walks.
#pragma once

#include <cstddef>
#include <span>

namespace shoal::platform {

/// Asks the system for large pages where `bytes` has not been touched yet. A wish: what changes is speed, and that
/// pages which are touched come into memory 2 MiB at a time; nothing on systems without such pages.
void prefer_huge_pages(std::span<std::byte> bytes) noexcept;

}  // namespace shoal::platform
