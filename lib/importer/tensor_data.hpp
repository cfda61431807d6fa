// TensorProto -> SourceTensor: every element type and every place where a file can keep the elements.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "importer/external_files.hpp"
#include "importer/source.hpp"

namespace shoal::onnx {
class TensorProto;
}

namespace shoal::importer {

/// The element type that ONNX numbers so, or none where Shoal has no such type.
[[nodiscard]] std::optional<ElementType> element_type(std::int64_t onnx_type) noexcept;
/// The number that ONNX gives it.
[[nodiscard]] int onnx_type(ElementType type) noexcept;
/// "float8e5m2", "string", ... for types that we have not; "type 99" for what nobody has.
[[nodiscard]] std::string onnx_type_name(std::int64_t onnx_type);

/// Reads a tensor and leaves its elements in place: in the file's mapping, in an external file, or, when they came as a
/// typed list, in a new blob that the list is exchanged for. Throws invalid_model when dims, type and data disagree;
/// element types that Shoal does not have are a refusal inside of the result.
[[nodiscard]] SourceTensor read_source_tensor(onnx::TensorProto& proto, std::vector<base::SharedBytes>& blobs,
                                              ExternalFiles& external);

}  // namespace shoal::importer
