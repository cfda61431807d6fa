#include "opencl/kernel_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <clocale>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/error.hpp"
#include "opencl/codegen/text.hpp"
#include "support/comma_locale.hpp"
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

TEST_CASE("groups of a resident kernel meet behind fences of the processor") {
    const std::string clang = SHOAL_CLANG;
    if (clang.empty()) {
        MESSAGE("skipped, clang was not found");
        return;
    }
    for (const std::string target :
         {"aarch64-linux-gnu", "armv7-linux-gnueabihf", "riscv64-linux-gnu", "x86_64-linux-gnu"}) {
        CAPTURE(target);
        const auto ran =
            test::run_command("env -u LD_PRELOAD " + clang + " -target " + target +
                              " -x cl -cl-std=CL1.2 -O2 -Xclang -finclude-default-header -S -emit-llvm -o - '" +
                              (kKernels / "persistent.cl").string() + "'");
        INFO(ran.output);
        const auto before = ran.output.find("fence release");
        REQUIRE(before != std::string::npos);
        const auto arrival = ran.output.find("@_Z10atomic_inc", before);
        REQUIRE(arrival != std::string::npos);
        CHECK(ran.output.find("fence acquire", arrival) != std::string::npos);
    }
}

TEST_CASE("a name without a file is our mistake") {
    CHECK_THROWS_AS((void)opencl::kernel_text("no_such_kernel"), base::Error);
    CHECK_THROWS_AS((void)opencl::kernel_text(""), base::Error);
}

TEST_CASE("numbers in kernels do not follow the host program's locale") {
    using opencl::Compute;
    const test::CommaLocale comma;
    // Of those that C's printf follows, whichever this system has.
    const char* const old = std::setlocale(LC_NUMERIC, nullptr);
    const std::string before = old != nullptr ? old : "C";
    for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8"}) {
        if (std::setlocale(LC_NUMERIC, name) != nullptr) break;
    }
    CHECK(opencl::literal(0.1, Compute::f32) == "0.1f");
    CHECK(opencl::literal(0.1, Compute::f64) == "0.10000000000000001");
    CHECK(opencl::literal(-12345.5, Compute::f32) == "(-12345.5f)");
    CHECK(opencl::literal(1e30, Compute::f64) == "1e+30");
    CHECK(opencl::literal(7, Compute::f32) == "7.0f");
    CHECK(opencl::literal(-123456, Compute::i32) == "(-123456)");
    std::setlocale(LC_NUMERIC, before.c_str());
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
