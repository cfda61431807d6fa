// shoal devices: this board, its OpenCL devices, and what is wrong with those that cannot be used.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/units.hpp"
#include "cli/board_facts.hpp"
#include "cli/commands.hpp"
#include "cli/device_flags.hpp"
#include "cli/messages.hpp"
#include "cli/output.hpp"
#include "cli/signals.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "opencl/rates.hpp"

namespace shoal::cli {
namespace {

using base::format_bytes;
using base::format_ms;
using base::text;
using Json = nlohmann::ordered_json;

constexpr const char* kDetails =
    "Shows this board and every OpenCL device of every driver. Usable memory is what a plan may rely on: what the "
    "device really gives out, or, where it shares the board's memory, what the system has left. What is wrong with a "
    "driver or a device is said in one line, with what to do. Fails when there is no device to use.";
constexpr const char* kExamples =
    "shoal devices\n"
    "shoal devices --bench\n"
    "shoal devices --json | jq '.devices[].usable_bytes'";

struct DevicesFlags {
    DeviceFlags device;
    bool bench = false, json = false;
};

std::string yes_or_no(bool value) {
    return value ? "yes" : "no";
}

std::string rates_text(const device::Rates& rates) {
    return text(number(rates.flops_per_s / 1e9, 3), " GFLOP/s, ", number(rates.bytes_per_s / 1e9, 3),
                " GB/s, a kernel more ", format_ms(rates.launch_s * 1e3), ", there and back ",
                format_ms(rates.round_trip_s * 1e3));
}

void print_device(const device::DeviceInfo& info) {
    Facts facts(11, 2);
    facts.add("kind", text(name(info.kind), ", ", counted(info.compute_units, "compute unit"), ", ",
                           counted(info.f32_vector_width, "lane"), " of f32"));
    facts.add("vendor", info.vendor);
    facts.add("platform", info.platform);
    facts.add("driver", info.driver + ", " + info.version);
    facts.add("memory", text(format_bytes(info.global_bytes), ", largest allocation ",
                             format_bytes(info.largest_allocation), ", usable ", format_bytes(info.usable_bytes)));
    facts.add("", text(info.unified_memory ? "shared with the board" : "its own", ", ", format_bytes(info.local_bytes),
                       " local to a group"));
    facts.add("supports", text("fp16 ", yes_or_no(info.fp16), ", fp64 ", yes_or_no(info.fp64), ", int8 dot product ",
                               yes_or_no(info.int8_dot)));
    facts.add("compiler", info.online_compiler ? "yes" : "no: runs kernels that were compiled ahead of time");
    if (info.rates.measured()) facts.add("measured", rates_text(info.rates));
    print_line('\n', "Device ", info.id, "  ", fitted(printable(info.name), 66), '\n',
               facts.text().substr(0, facts.text().size() - 1));
}

Json device_entry(const device::DeviceInfo& info) {
    Json out{{"id", info.id},
             {"name", info.name},
             {"kind", name(info.kind)},
             {"vendor", info.vendor},
             {"platform", info.platform},
             {"platform_version", info.platform_version},
             {"driver", info.driver},
             {"version", info.version},
             {"compute_units", info.compute_units},
             {"f32_vector_width", info.f32_vector_width},
             {"global_bytes", info.global_bytes},
             {"largest_allocation_bytes", info.largest_allocation},
             {"usable_bytes", info.usable_bytes},
             {"local_bytes", info.local_bytes},
             {"largest_group", info.largest_group},
             {"fp16", info.fp16},
             {"fp64", info.fp64},
             {"int8_dot", info.int8_dot},
             {"unified_memory", info.unified_memory},
             {"online_compiler", info.online_compiler}};
    if (info.rates.measured()) {
        out["rates"] = {{"flops_per_s", info.rates.flops_per_s},
                        {"bytes_per_s", info.rates.bytes_per_s},
                        {"launch_s", info.rates.launch_s},
                        {"round_trip_s", info.rates.round_trip_s}};
    }
    return out;
}

// Measured now, whatever is remembered: whoever asks wants to see this moment. A device that fails is a problem.
void measure(opencl::Discovery& found) {
    for (auto& device : found.devices) {
        const Progress progress("measuring " + device.info.name);
        check_signals();
        opencl::RatesOptions options;
        options.measure_again = true;
        try {
            device.info.rates = opencl::rates_of(device, options);
        } catch (const base::Error& error) {
            found.problems.push_back(
                text("device ", device.info.id, " '", device.info.name, "' cannot be measured: ", error.what()));
        }
    }
}

Exit devices(const DevicesFlags& flags) {
    const auto board = board_facts();
    auto found = discover(flags.device);
    if (flags.bench) measure(found);
    if (flags.json) {
        Json out{{"board", board_json(board)}, {"devices", Json::array()}, {"problems", found.problems}};
        for (const auto& device : found.devices)
            out["devices"].push_back(device_entry(device.info));
        print_json(out);
    } else {
        print(board_text(board));
        for (const auto& device : found.devices)
            print_device(device.info);
        if (found.devices.empty()) print("\nNo OpenCL device can be used.\n");
    }
    flush_output();  // the devices before their problems, on a terminal that shows both
    for (const auto& problem : found.problems)
        say_error(problem);
    return found.devices.empty() ? Exit::failure : Exit::ok;
}

}  // namespace

void add_devices_command(Frame& frame) {
    const auto flags = std::make_shared<DevicesFlags>();
    auto& command = frame.add({"devices", "Show this board and its OpenCL devices", kDetails, kExamples},
                              [flags] { return devices(*flags); });
    command.add_flag("--bench", flags->bench, "Measure arithmetic, memory and launches, half a second a device")
        ->group("Report");
    command.add_flag("--json", flags->json, "Print everything as JSON")->group("Report");
    add_patience_flag(command, flags->device);
}

}  // namespace shoal::cli
