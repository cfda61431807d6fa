// The fuzzer's first inputs: each is a model that lowers and runs, so that the fuzzer starts behind the parser.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "fuzz/importer_input.hpp"

using namespace shoal;

TEST_CASE("every file of the fuzzer's corpus is lowered to its end") {
    int files = 0, segments = 0;
    for (const auto& entry : std::filesystem::directory_iterator(SHOAL_SOURCE_DIR "/tests/fuzz/corpus")) {
        CAPTURE(entry.path().filename().string());
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string bytes(std::istreambuf_iterator<char>(file), {});
        CHECK_NOTHROW(segments += test::lower_and_run(base::SharedBytes::copy_of(std::as_bytes(std::span(bytes)))));
        // Cut anywhere, they are refused or still models.
        for (std::size_t size = 0; size < bytes.size(); size += 17) {
            try {
                (void)test::lower_and_run(base::SharedBytes::copy_of(std::as_bytes(std::span(bytes).first(size))));
            } catch (const base::Error&) {}
        }
        ++files;
    }
    CHECK(files == 20);
    CHECK(segments > files);  // some depend on values
}
