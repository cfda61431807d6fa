// Fuzzes the ONNX importer: whatever the bytes, base::Error or a model; and what is a model is lowered, segment by
// segment, as far as it stays small, or base::Error.
//   importer_fuzz FOLDER_OF_NEW_FILES tests/fuzz/corpus
#include <cstdint>
#include <new>

#include "fuzz/importer_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace shoal;
    try {
        (void)test::lower_and_run(base::SharedBytes::copy_of(std::as_bytes(std::span(data, size))));
    } catch (const base::Error&) {
    } catch (const std::bad_alloc&) {}
    return 0;
}
