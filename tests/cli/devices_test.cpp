// shoal devices as a process, with drivers of the test's own choosing.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"

using namespace shoal::test;

namespace {

const std::string kIcds = SHOAL_ICDS;

// A machine with the drivers that a test registers, and an empty cache.
struct Machine {
    Machine() { std::filesystem::create_directory(folder / "vendors"); }

    void driver(const std::string& name, const std::string& library) const {
        folder.write("vendors/" + name + ".icd", library + "\n");
    }
    [[nodiscard]] CommandRun devices(const std::string& flags = "", const std::string& environment = "") const {
        return shoal_command("devices " + flags,
                             "-u LD_PRELOAD -u OCL_ICD_FILENAMES OCL_ICD_VENDORS=" + (folder / "vendors").string() +
                                 " SHOAL_CACHE=" + (folder / "cache").string() + " " + environment);
    }

    TemporaryFolder folder;
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

TEST_CASE("a machine without drivers: the board is shown, a line says what to install") {
    for (const char* vendors : {"", "OCL_ICD_VENDORS=/dev/null/none"}) {
        const Machine machine;
        const auto run = machine.devices("", vendors);
        CHECK(run.exit_code == 1);
        INFO(run.error);
        const auto lines = std::count(run.error.begin(), run.error.end(), '\n');
        CHECK(lines == (*vendors == '\0' ? 1 : 2));  // a folder that is not there is a problem of its own
        CHECK(run.error.substr(0, 15) == "shoal devices: ");
        CHECK(contains(run.error, "pocl-opencl-icd"));
        CHECK(contains(run.out, "No OpenCL device can be used."));
        CHECK(contains(run.out, "memory"));
        CHECK(widest_line(run.out) <= 80);
        const auto json = nlohmann::json::parse(machine.devices("--json", vendors).out);
        CHECK(json["devices"].empty());
        CHECK(json["problems"].size() == static_cast<std::size_t>(lines));
        CHECK(json["board"]["architecture"].is_string());
    }
}

TEST_CASE("a driver that misbehaves is one line, and the others work") {
    if (!has_pocl()) return;
    for (const std::string fault : {"icd_hang", "icd_hang_load", "icd_crash", "icd_exit", "icd_error", "icd_no_icd"}) {
        CAPTURE(fault);
        const Machine machine;
        machine.driver("bad", kIcds + "/" + fault + ".so");
        const auto alone = machine.devices("--patience 0.5");
        CHECK(alone.exit_code == 1);
        CHECK(contains(alone.error, "bad.icd"));
        machine.driver("pocl", "libpocl.so.2");
        const auto both = machine.devices("--patience 0.5");
        INFO(both.error);
        CHECK(both.exit_code == 0);
        CHECK(contains(both.out, "Portable Computing Language"));
        CHECK(is_one_line(both.error));
        CHECK(contains(both.error, "bad.icd"));
    }
}

TEST_CASE("a device reads well in 80 columns, and as JSON has every figure") {
    if (!has_pocl()) return;
    const Machine machine;
    machine.driver("pocl", "libpocl.so.2");
    const auto text = machine.devices("--bench");
    INFO(text.out);
    CHECK(text.exit_code == 0);
    CHECK(text.error.empty());
    CHECK(widest_line(text.out) <= 80);
    for (const std::string part :
         {"Device 0.0", "CPU", "vendor", "driver", "compute unit", "largest allocation", "usable",
          "shared with the board", "fp16", "int8 dot product", "compiler     yes", "GFLOP/s", "GB/s"})
        CHECK_MESSAGE(contains(text.out, part), part);
    const auto run = machine.devices("--json --bench");
    const auto json = nlohmann::json::parse(run.out);
    REQUIRE(json["devices"].size() == 1);
    const auto& device = json["devices"][0];
    CHECK(device["kind"] == "CPU");
    CHECK(device["usable_bytes"].get<std::uint64_t>() <= device["global_bytes"].get<std::uint64_t>());
    CHECK(device["online_compiler"] == true);
    CHECK(device["rates"]["flops_per_s"].get<double>() > 0);
    CHECK(device["rates"]["round_trip_s"].get<double>() > 0);
    CHECK(!nlohmann::json::parse(machine.devices("--json").out)["devices"][0].contains("rates"));
}

TEST_CASE("other kinds of device are shown as what they are") {
    if (!has_pocl()) return;
    const Machine machine;
    machine.driver("wrapper", kIcds + "/icd_wrapper.so");
    const auto fpga = machine.devices("", "SHOAL_WRAPPER_TYPE=accelerator SHOAL_WRAPPER_COMPILER=none");
    CHECK(contains(fpga.out, "accelerator"));
    CHECK(contains(fpga.out, "no: runs kernels that were compiled ahead of time"));
    const auto gpu = machine.devices("",
                                     "SHOAL_WRAPPER_TYPE=gpu SHOAL_WRAPPER_MEMORY=104857600 "
                                     "SHOAL_WRAPPER_CLAIM=838860800");
    CHECK(contains(gpu.out, "800 MiB, largest allocation 100 MiB, usable 100 MiB"));
    CHECK(contains(gpu.out, "its own"));
}
