// Boards that cannot compile: a model cut over several of them runs from one kernel folder, wherever it is cut.
#include <doctest/doctest.h>
#include <stdlib.h>

#include "cli/command.hpp"
#include "scenarios/digits.hpp"
#include "support/compare.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

const std::string kModel = SHOAL_SOURCE_DIR "/examples/digits/digits.onnx";

// The processes that are started while it lives see the wrapper around PoCL, with a compiler or without one.
class Wrapped {
public:
    explicit Wrapped(bool compiler) {
        ::setenv("OCL_ICD_VENDORS", SHOAL_ICDS "/icd_wrapper.so", 1);
        if (!compiler) ::setenv("SHOAL_WRAPPER_COMPILER", "none", 1);
    }
    ~Wrapped() {
        ::unsetenv("OCL_ICD_VENDORS");
        ::unsetenv("SHOAL_WRAPPER_COMPILER");
    }
};

}  // namespace

TEST_CASE("a model cut over boards without a compiler runs from kernels that were built for the whole of it") {
    if (cluster_device() == "host") return;  // it has said so
    const TemporaryFolder folder;
    const auto kernels = (folder / "kernels").string();
    {
        const Wrapped wrapped(true);
        const auto built = shoal_command("kernels build " + kModel + " -o " + kernels);
        INFO(built.error);
        REQUIRE(built.exit_code == 0);
    }
    Cluster cluster({"best", {}, "--kernels " + kernels, true});
    {
        const Wrapped wrapped(false);
        cluster.start_board("a", "420KiB");
        cluster.start_board("b", "620KiB");
        cluster.start_board("c", "410KiB");
    }
    cluster.await_boards(3);
    auto run = DigitsRun(cluster).result();
    INFO(run.error);
    for (const std::string name : {"a", "b", "c"})
        INFO(cluster.board(name).said());
    REQUIRE(run.exit_code == 0);
    CHECK(run.report["cluster"]["plan"]["stages"].size() >= 2);
    CHECK(difference(run.scores, digits_on_one_board("host"), {1e-4, 1e-5}) == "");
}
