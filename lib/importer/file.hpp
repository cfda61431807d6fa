// What a Model keeps of its file beside source.hpp, so that it can be written again.
#pragma once

#include "importer/model.hpp"
#include "importer/parse.hpp"

namespace shoal::importer {

struct Model::File {
    std::shared_ptr<const onnx::ModelProto> message;
    std::vector<base::SharedBytes> blobs;
};

}  // namespace shoal::importer
