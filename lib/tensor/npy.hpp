// NumPy's .npy files, format versions 1.0 to 3.0 (numpy.lib.format), the form in which `shoal run` reads and writes
// tensors. Little-endian, C order only; bf16 and nibbles have no .npy type and are refused.
#pragma once

#include "base/bytes.hpp"
#include "tensor/tensor.hpp"

namespace shoal::tensor {

/// Reads a whole .npy file; the tensor shares its bytes where they are aligned. `name` is what errors call the file.
/// Throws invalid_argument on anything that is not such a file, unsupported for Fortran order or a foreign type.
[[nodiscard]] Tensor from_npy(const base::SharedBytes& file, std::string_view name);

/// The bytes of a version 1.0 .npy file; throws unsupported for bf16 and nibbles.
[[nodiscard]] std::vector<std::byte> to_npy(const Tensor& tensor);

}  // namespace shoal::tensor
