// One pass over a model file's wire format (protobuf encoding) that leaves the weights where they are.
//
// protobuf would copy every tensor's raw_data into a string of its own. The walk copies the file without them and puts
// `blob = k` (onnx.proto) in the place of the k-th one, whose span of the file it remembers. What comes out is a small
// message for the generated classes. Nesting, lengths and tags are checked; nothing is allocated beyond the file's
// size.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace shoal::importer {

struct Walked {
    std::string message;                   ///< the file without its large raw_data fields
    std::vector<base::SharedBytes> blobs;  ///< what `blob` numbers, sharing the file's owner
};

/// What kind of message the bytes are.
enum class WireRoot { model, tensor };

/// Throws invalid_model (truncated, nested too deeply, no protobuf at all) or unsupported (2 GiB or more).
[[nodiscard]] Walked walk_wire(const base::SharedBytes& file, WireRoot root);

}  // namespace shoal::importer
