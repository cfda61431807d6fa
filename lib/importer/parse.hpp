// The generated protobuf classes -> source.hpp. Beside save.cpp and tensor_data.cpp the only code that knows protobuf.
#pragma once

#include <memory>

#include "importer/source.hpp"

namespace shoal::onnx {
class ModelProto;
}

namespace shoal::importer {

/// What a file was parsed into, and what is needed to write it again.
struct Parsed {
    std::shared_ptr<const SourceModel> source;
    std::shared_ptr<const onnx::ModelProto> message;  ///< without elements: TensorProto.blob numbers `blobs`
    std::vector<base::SharedBytes> blobs;
};

/// `folders`: where external data may lie; `called`: SourceModel::called, "" for the graph's own name. Throws
/// invalid_model or unsupported.
[[nodiscard]] Parsed parse_model(const base::SharedBytes& file, std::vector<std::filesystem::path> folders,
                                 const std::string& called = "");

/// The same for a message that was parsed before and changed since: whatever has a `blob` is taken from `blobs`.
[[nodiscard]] Parsed read_message(std::shared_ptr<onnx::ModelProto> message, std::vector<base::SharedBytes> blobs,
                                  std::vector<std::filesystem::path> folders, const std::string& called = "");

}  // namespace shoal::importer
