// Discovery as a process sees it: each case runs the devices tool with drivers of its own choosing.
#include "opencl/discovery.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/opencl.hpp"
#include "support/process.hpp"
#include "support/temporary_folder.hpp"

using namespace shoal;

namespace {

const std::string kTool = SHOAL_TOOLS "/tool_devices";
const std::string kIcds = SHOAL_ICDS;

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// A machine with the drivers that a test registers, and an empty cache.
struct Machine {
    void driver(const std::string& name, const std::string& library) const {
        folder.write("vendors/" + name + ".icd", library + "\n");
    }

    [[nodiscard]] test::Ran devices(const std::string& flags = "", const std::string& environment = "") const {
        return test::run_command(
            "timeout 120 env -u LD_PRELOAD -u OCL_ICD_FILENAMES OCL_ICD_VENDORS=" + (folder / "vendors").string() +
            " SHOAL_CACHE=" + (folder / "cache").string() + " " + environment + " " + kTool + " " + flags);
    }

    test::TemporaryFolder folder;
};

bool has_pocl() {
    static const bool found = [] {
        const Machine machine;
        machine.driver("pocl", "libpocl.so.2");
        return machine.devices().exit_code == 0;
    }();
    if (!found) MESSAGE("skipped, PoCL is not installed");
    return found;
}

}  // namespace

TEST_CASE("a machine without any driver is told what to install") {
    const Machine machine;
    std::filesystem::create_directory(machine.folder / "vendors");
    const auto ran = machine.devices();
    CHECK(ran.exit_code == 1);
    CHECK(contains(ran.output, "problem: no OpenCL platform is installed"));
    CHECK(contains(ran.output, "pocl-opencl-icd"));
}

TEST_CASE("drivers that cannot be loaded are named, each in one line") {
    const Machine machine;
    machine.driver("gone", "libno-such-driver.so.9");
    machine.driver("empty", "");
    machine.driver("foreign", "libc.so.6");
    const auto ran = machine.devices();
    CHECK(ran.exit_code == 1);
    CHECK(
        contains(ran.output, "gone.icd (libno-such-driver.so.9) cannot be used, libno-such-driver.so.9: cannot open"));
    CHECK(contains(ran.output, "empty.icd"));
    CHECK(contains(ran.output, "the file names no library"));
    CHECK(contains(ran.output, "it is not an OpenCL driver"));
    CHECK(std::count(ran.output.begin(), ran.output.end(), '\n') == 4);
}

TEST_CASE("a driver that misbehaves is left out and the others work") {
    if (!has_pocl()) return;
    struct Case {
        std::string icd, says;
    };
    const Case cases[] = {
        {"icd_hang", "hangs when it is loaded (no answer in 500 ms)"},
        {"icd_hang_load", "hangs when it is loaded"},
        {"icd_crash", "crashes when it is loaded (Aborted)"},
        {"icd_exit", "ends the process when it is loaded (exit code 3)"},
        {"icd_error", "clIcdGetPlatformIDsKHR: CL_PLATFORM_NOT_FOUND_KHR (-1001)"},
        {"icd_no_icd", "it is not an installable OpenCL driver"},
    };
    for (const auto& row : cases) {
        for (const char* flags : {"--impatient", "--impatient --spawn"}) {
            CAPTURE(row.icd);
            CAPTURE(flags);
            const Machine machine;
            machine.driver("bad", kIcds + "/" + row.icd + ".so");
            machine.driver("pocl", "libpocl.so.2");
            const auto ran = machine.devices(flags);
            INFO(ran.output);
            CHECK(ran.exit_code == 0);
            CHECK(contains(ran.output, "platform Portable Computing Language"));
            CHECK(contains(ran.output, "bad.icd"));
            CHECK(contains(ran.output, row.says));
            CHECK(contains(ran.output, "remove "));
        }
    }
}

TEST_CASE("several bad drivers are all named") {
    if (!has_pocl()) return;
    const Machine machine;
    machine.driver("a", kIcds + "/icd_crash.so");
    machine.driver("b", "libpocl.so.2");
    machine.driver("c", kIcds + "/icd_hang.so");
    const auto ran = machine.devices("--impatient");
    INFO(ran.output);
    CHECK(ran.exit_code == 0);
    CHECK(contains(ran.output, "a.icd"));
    CHECK(contains(ran.output, "c.icd"));
    CHECK(!contains(ran.output, "b.icd"));
}

TEST_CASE("a healthy set of drivers is remembered until one changes") {
    if (!has_pocl()) return;
    const Machine machine;
    machine.driver("pocl", "libpocl.so.2");
    CHECK(machine.devices().exit_code == 0);
    int stamps = 0;
    for (const auto& item : std::filesystem::directory_iterator(machine.folder / "cache/drivers"))
        stamps += item.path().extension() == ".healthy";
    CHECK(stamps == 1);
    // A second driver under the eyes of the same cache: it must be tried, so it must be found out.
    machine.driver("bad", kIcds + "/icd_crash.so");
    const auto ran = machine.devices("--impatient");
    CHECK(ran.exit_code == 0);
    CHECK(contains(ran.output, "bad.icd"));
}

TEST_CASE("other kinds of device are shown as what they are") {
    if (!has_pocl()) return;
    const Machine machine;
    machine.driver("wrapper", kIcds + "/icd_wrapper.so");
    const auto plain = machine.devices();
    CHECK(contains(plain.output, "CPU, "));
    CHECK(contains(plain.output, "compiler yes"));
    const auto accelerator = machine.devices("", "SHOAL_WRAPPER_TYPE=accelerator SHOAL_WRAPPER_COMPILER=none");
    CHECK(contains(accelerator.output, "accelerator, "));
    CHECK(contains(accelerator.output, "compiler no"));
    CHECK(contains(machine.devices("", "SHOAL_WRAPPER_TYPE=custom").output, "custom, "));
}

TEST_CASE("a device without a compiler works from what another made ahead of time") {
    if (!has_pocl()) return;
    const Machine machine;
    machine.driver("wrapper", kIcds + "/icd_wrapper.so");
    const std::string folder = (machine.folder / "kernels").string();
    const std::string without = "SHOAL_WRAPPER_TYPE=accelerator SHOAL_WRAPPER_COMPILER=none";
    const auto refused = machine.devices("--bench", without);
    CHECK(refused.exit_code == 1);
    CHECK(contains(refused.output, "has no compiler of its own"));
    CHECK(contains(machine.devices("--bench --export " + folder).output, "GFLOP/s"));
    const auto served = machine.devices("--bench --kernels " + folder, without);
    INFO(served.output);
    CHECK(served.exit_code == 0);
    CHECK(contains(served.output, "compiler no"));
    CHECK(contains(served.output, "GFLOP/s"));
}

TEST_CASE("memory of a device's own is what it gives out, not what it claims") {
    if (!has_pocl()) return;
    const Machine machine;
    machine.driver("wrapper", kIcds + "/icd_wrapper.so");
    const auto ran =
        machine.devices("", "SHOAL_WRAPPER_TYPE=gpu SHOAL_WRAPPER_MEMORY=104857600 SHOAL_WRAPPER_CLAIM=838860800");
    INFO(ran.output);
    CHECK(contains(ran.output, "global 800 MiB, largest allocation 100 MiB, usable 100 MiB"));
}

TEST_CASE("two devices of one platform have ids of their own") {
    if (!has_pocl()) return;
    const Machine machine;
    machine.driver("pocl", "libpocl.so.2");
    const auto ran = machine.devices("", "POCL_DEVICES='pthread pthread'");
    CHECK(contains(ran.output, "0.0  "));
    CHECK(contains(ran.output, "0.1  "));
}

TEST_CASE("lanes beyond those that OpenCL has vectors for are counted as its widest") {
    if (!has_pocl()) return;
    const Machine machine;
    machine.driver("wrapper", kIcds + "/icd_wrapper.so");
    const auto ran = machine.devices("--bench", "SHOAL_WRAPPER_LANES=64");
    INFO(ran.output);
    CHECK(ran.exit_code == 0);
    CHECK(contains(ran.output, "GFLOP/s"));
}

TEST_CASE("in this process: what is found can be used") {
    const auto found = opencl::discover();
    for (const auto& device : found.devices) {
        CAPTURE(device.info.name);
        CHECK(device.info.compute_units > 0);
        CHECK(device.info.usable_bytes > 0);
        CHECK(device.info.usable_bytes <= device.info.global_bytes);
        CHECK(device.info.largest_allocation > 0);
        CHECK(device.info.buffer_alignment > 0);
        CHECK(!device.info.name.empty());
        CHECK(!device.info.version.empty());
    }
    opencl::DiscoveryOptions capped;
    capped.memory_cap = 12345;
    for (const auto& device : opencl::discover(capped).devices)
        CHECK(device.info.usable_bytes == 12345);
    for (const auto& problem : found.problems)
        CHECK(!contains(problem, "\n"));
}
