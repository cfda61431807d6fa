// Fuzzes the ONNX importer: whatever the bytes, base::Error or a model; and what is a model is lowered, or base::Error.
//   importer_fuzz FOLDER_OF_ONNX_FILES
#include <cstdint>

#include "graph/graph.hpp"
#include "importer/lowering.hpp"
#include "importer/model.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace shoal;
    // Small bounds: what is looked for are crashes, not how long a hundred million legitimate steps take.
    importer::Limits limits;
    limits.elements = 1 << 20;
    limits.table_elements = 1 << 16;
    limits.operators = 1 << 12;
    limits.steps = 1 << 12;
    try {
        const auto model = importer::Model::parse(base::SharedBytes::copy_of(std::as_bytes(std::span(data, size))));
        importer::Lowering lowering(model, {}, limits);
        const auto segment = lowering.advance();
        graph::validate(segment.graph);
    } catch (const base::Error&) {
    } catch (const std::bad_alloc&) {
    }
    return 0;
}
