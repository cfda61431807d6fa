// The plain host backend: every operator by its card's reference loop, one after the other, in one thread.
// Slow and obviously right; the oracle of the tests, and what runs where there is no OpenCL device at all.
#pragma once

#include "runtime/backend.hpp"

namespace shoal::runtime {

[[nodiscard]] std::shared_ptr<Backend> make_host_backend();

}  // namespace shoal::runtime
