// Which cores the calling thread may run on. Threads made by it later inherit that, a driver's pool among them: a
// process that pins itself before its first OpenCL call keeps PoCL on those cores too.
#pragma once

#include <vector>

namespace shoal::platform {

/// Sorted; empty when the system does not say.
[[nodiscard]] std::vector<int> allowed_cores();

/// Keeps the calling thread on these cores. False when the system refuses: none of them exists or is allowed here.
[[nodiscard]] bool pin_thread(const std::vector<int>& cores);

}  // namespace shoal::platform
