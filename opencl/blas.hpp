// Matrix products by a library that knows GPUs better than we do: CLBlast. It is loaded when a device asks for it, so
// that nothing is linked where no GPU computes; without its header at build time, or without the library on the
// machine, there is none. Thread-safe.
// Source: Nugteren, "CLBlast: A Tuned OpenCL BLAS Library", 2018.
#pragma once

#include <CL/cl.h>

#include <cstddef>

#include "opencl/emit/launch.hpp"

namespace shoal::opencl {

/// True when the library is there. Tells nothing of devices.
[[nodiscard]] bool has_blas();

/// Part of a buffer: elements of f32 behind `first`.
struct BlasOperand {
    cl_mem memory;
    std::size_t first;
};

/// Enqueues c = a * b, `event` absent or the command's. Throws device with the library's number.
void enqueue_blas(const BlasProduct& product, BlasOperand a, BlasOperand b, BlasOperand c, cl_command_queue queue,
                  cl_event* event);

/// Multiplies small matrices there and looks whether the result is right; a library that fails, or fails to compile its
/// kernels, is one that does not work. Takes as long as that compiling, which may be seconds.
[[nodiscard]] bool blas_works(cl_context context, cl_command_queue queue);

}  // namespace shoal::opencl
