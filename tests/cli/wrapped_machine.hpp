// A machine whose one OpenCL driver is the wrapper around PoCL (tests/support/icds), with a small model and an input.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "base/file.hpp"
#include "cli/command.hpp"
#include "cli/models.hpp"
#include "support/random.hpp"
#include "support/temporary_folder.hpp"
#include "tensor/npy.hpp"

namespace shoal::test {

struct WrappedMachine {
    WrappedMachine() {
        std::filesystem::create_directory(folder / "vendors");
        folder.write("vendors/wrapper.icd", std::string(SHOAL_ICDS) + "/icd_wrapper.so\n");
        auto random = generator();
        write_classifier(folder / "classifier.onnx");
        base::replace_file(folder / "data.npy",
                           tensor::to_npy(random_tensor(random, {tensor::ElementType::f32, {1, 3, 8, 8}})));
    }

    /// The command in its folder; `environment` for the wrapper, `cache` for what Shoal keeps (default: its own).
    [[nodiscard]] CommandRun shoal(const std::string& arguments, const std::string& environment = "",
                                   const std::string& cache = "") const {
        static const TemporaryFolder pocl_cache;  // one for all: compiling takes PoCL long
        return shoal_command(arguments, "-u LD_PRELOAD -u OCL_ICD_FILENAMES -C " + folder.path().string() +
                                            " OCL_ICD_VENDORS=" + (folder / "vendors").string() +
                                            " SHOAL_CACHE=" + (cache.empty() ? (folder / "cache").string() : cache) +
                                            " POCL_CACHE_DIR=" + pocl_cache.path().string() + " " + environment);
    }
    /// What a run with `--output out` has written.
    [[nodiscard]] tensor::Tensor scores() const {
        return tensor::from_npy(base::map_file(folder / "out" / "scores.npy"), "scores.npy");
    }

    TemporaryFolder folder;
};

/// Whether there is something to wrap; says that the case is skipped where there is not.
inline bool has_pocl() {
    const bool found = WrappedMachine().shoal("devices").exit_code == 0;
    if (!found) MESSAGE("skipped, PoCL is not installed");
    return found;
}

}  // namespace shoal::test
