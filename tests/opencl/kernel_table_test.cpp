#include "opencl/kernel_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/error.hpp"
#include "support/process.hpp"

using namespace shoal;

namespace {

namespace fs = std::filesystem;

const fs::path kKernels = fs::path(SHOAL_SOURCE_DIR) / "opencl/kernels";

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("every kernel file is embedded byte for byte") {
    std::size_t files = 0;
    for (const auto& item : fs::directory_iterator(kKernels)) {
        if (item.path().extension() != ".cl") continue;
        CAPTURE(item.path().string());
        ++files;
        CHECK(opencl::kernel_text(item.path().stem().string()) == read(item.path()));
    }
    CHECK(files == opencl::kernel_texts().size());
    CHECK(files > 0);
    CHECK(std::is_sorted(opencl::kernel_texts().begin(), opencl::kernel_texts().end(),
                         [](const auto& a, const auto& b) { return a.name < b.name; }));
}

TEST_CASE("a name without a file is our mistake") {
    CHECK_THROWS_AS((void)opencl::kernel_text("no_such_kernel"), base::Error);
    CHECK_THROWS_AS((void)opencl::kernel_text(""), base::Error);
}

TEST_CASE("every kernel file is valid OpenCL C 1.2 by itself") {
    const std::string clang = SHOAL_CLANG;
    if (clang.empty()) {
        MESSAGE("skipped ", opencl::kernel_texts().size(), " files, clang was not found");
        return;
    }
    for (const auto& text : opencl::kernel_texts()) {
        const auto ran =
            test::run_command("env -u LD_PRELOAD " + clang + " -x cl -cl-std=CL1.2 -Xclang -finclude-default-header " +
                              // What a file computes for other macros than its defaults may be unused here.
                              "-fsyntax-only -Wall -Werror -Wno-unused-variable -Wno-unused-but-set-variable '" +
                              (kKernels / text.name).string() + ".cl'");
        CHECK_MESSAGE(ran.exit_code == 0, text.name, ": ", ran.output);
    }
}
