#include "cli/device_flags.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/frame.hpp"
#include "cli/messages.hpp"
#include "cli/signals.hpp"
#include "cli/suggest.hpp"
#include "cli/text.hpp"
#include "local/shared_devices.hpp"
#include "node/overlap.hpp"
#include "opencl/backend.hpp"
#include "opencl/rates.hpp"
#include "opencl/selection.hpp"
#include "runtime/host_backend.hpp"

namespace shoal::cli {
namespace {

using base::Code;
using base::text;

using opencl::kAll;
using opencl::kHost;
constexpr const char* kChoices =
    "an id or part of a name that 'shoal devices' shows, cpu, gpu, accelerator, best (the default), or host: plain "
    "loops that need no OpenCL and are slow";

std::string suggestion(const opencl::Discovery& found, const std::string& wish) {
    std::vector<std::string> words{"best", "host"};
    for (const auto& device : found.devices)
        words.push_back(device.info.id);
    // "gpu" is near to "cpu" without being a mistake.
    const std::vector<std::string> kinds{"cpu", "gpu", "accelerator", "custom"};
    if (std::find(kinds.begin(), kinds.end(), wish) != kinds.end()) return "";
    words.insert(words.end(), kinds.begin(), kinds.end());
    return did_you_mean(wish, words);
}

// What is wrong with wishes is wrong with the flag that gave them.
template <class Call>
auto with_flag_named(Call&& call) {
    try {
        return call();
    } catch (const base::Error& error) {
        if (error.code() != Code::invalid_argument || std::string_view(error.what()).rfind("device", 0) != 0) throw;
        throw UsageError(text("--", error.what()));
    }
}

opencl::Wish wish_of(const std::string& text_of_flag) {
    return with_flag_named([&] { return opencl::parse_wish_for_several(text_of_flag); });
}

const opencl::FoundDevice& choose(const opencl::Discovery& found, const std::string& wish) {
    try {
        return opencl::choose(found.devices, wish);
    } catch (const base::Error& error) {
        std::string message = error.what();
        if (error.code() == Code::unavailable) message += "; or use --device host";
        if (error.code() == Code::not_found) message += suggestion(found, wish);
        for (const auto& problem : found.problems)
            message += "\n  " + problem;
        throw base::Error(error.code(), message);
    }
}

}  // namespace

void add_patience_flag(CLI::App& command, DeviceFlags& flags) {
    command
        .add_option("--patience", flags.patience_s,
                    "How long a driver may take to load before it counts as hanging (default 10)")
        ->option_text("SECONDS")
        ->check(CLI::Range(0.01, 600.0))
        ->group("Device");
}

namespace {

void add_device_use_flags(CLI::App& command, DeviceFlags& flags) {
    command.add_option("-t,--threads", flags.threads, "Use at most N of the device's compute units")
        ->option_text("N")
        ->check(CLI::Range(1, 4096))
        ->group("Device");
    command
        .add_flag(
            "--compact", flags.compact,
            "Keep weights as small as the model has them; some convolutions run slower, in up to a quarter of the "
            "memory")
        ->group("Device");
    command
        .add_option("--kernel-class", flags.kernel_class,
                    "How kernels are written: simd (vectors of a CPU), gpu (work-groups that share tiles), plain (runs "
                    "anywhere), or auto: by what the device is (the default)")
        ->option_text("CLASS")
        ->check(CLI::IsMember({"auto", "simd", "gpu", "plain"}))
        ->group("Device");
    command
        .add_option("--tuned", flags.tuned,
                    "Choose kernels by a table that 'shoal tune -o' wrote for this device; without it, by what was "
                    "measured on this machine")
        ->option_text("FILE")
        ->group("Device");
    add_patience_flag(command, flags);
}

}  // namespace

void add_device_flags(CLI::App& command, DeviceFlags& flags) {
    command.add_option("-d,--device", flags.device, text("Where to run: ", kChoices))
        ->option_text("D")
        ->group("Device");
    add_device_use_flags(command, flags);
}

void add_devices_flags(CLI::App& command, DeviceFlags& flags, std::vector<std::string>& wishes,
                       const std::string& what_for) {
    command
        .add_option("-d,--device", wishes,
                    text(what_for, ": ", kChoices,
                         "; all: every OpenCL device; D/N: device D in N equal parts. May be repeated"))
        ->option_text("D")
        ->allow_extra_args(false)
        ->group("Device");
    add_device_use_flags(command, flags);
}

void add_kernels_flag(CLI::App& command, DeviceFlags& flags) {
    command
        .add_option("--kernels", flags.kernels,
                    "Take compiled kernels from a folder that 'shoal kernels build' made for this device; nothing is "
                    "compiled here")
        ->option_text("DIR")
        ->group("Device");
}

opencl::Discovery discover(const DeviceFlags& flags) {
    const Progress progress("looking for OpenCL devices");
    opencl::DiscoveryOptions options;
    options.drivers.patience = std::chrono::milliseconds(static_cast<std::int64_t>(flags.patience_s * 1e3));
    auto found = opencl::discover(options);
    check_signals();
    return found;
}

device::Rates ChosenDevice::rates() const {
    if (!part) return {};
    const Progress progress("measuring " + part->found.info.name);
    opencl::RatesOptions options;
    options.program = programs;
    return opencl::rates_of(part->found, options);
}

std::string ChosenDevice::text() const {
    const auto& own = info();
    if (!part) return own.id + " (" + own.name + ")";
    return own.id + " " + own.name + " (" + std::string(device::name(own.kind)) + ", " +
           counted(own.compute_units, "compute unit") + ")";
}

namespace {

ChosenDevice open_host(const DeviceFlags& flags) {
    if (!flags.kernels.empty()) throw UsageError("--kernels: --device host has no kernels");
    if (!flags.tuned.empty()) throw UsageError("--tuned: --device host has no kernels to choose from");
    if (!flags.kernel_class.empty()) throw UsageError("--kernel-class: --device host has no kernels");
    if (flags.threads > 1) throw UsageError("--threads: the plain loops of --device host run in one thread");
    return {runtime::make_host_backend(), std::nullopt, {}};
}

ChosenDevice open_part(opencl::SubDevice part, const DeviceFlags& flags,
                       const std::filesystem::path& export_folder = {}) {
    opencl::BackendOptions options;
    options.compact_weights = flags.compact;
    if (!flags.kernel_class.empty()) options.kernels = device::kernel_class_named(flags.kernel_class);
    options.kernel_table = flags.tuned;
    options.programs.kernel_folder = flags.kernels;
    options.programs.export_folder = export_folder;
    auto backend = opencl::make_backend(part.found, options);
    return {std::move(backend), std::move(part), std::move(options.programs)};
}

}  // namespace

ChosenDevice open_device(const DeviceFlags& flags, const std::filesystem::path& export_folder) {
    if (flags.device == kHost) return open_host(flags);
    const auto wish = wish_of(flags.device);
    if (wish.parts > 1) throw UsageError(text("--device ", flags.device, ": one device is wanted here, not its parts"));
    const auto found = discover(flags);
    const auto& chosen = choose(found, wish.device);
    return open_part(
        flags.threads > 0 ? opencl::limit_threads(chosen, flags.threads) : opencl::SubDevice{chosen, nullptr}, flags,
        export_folder);
}

bool are_several(const std::vector<std::string>& wishes) {
    return wishes.size() > 1 || (wishes.size() == 1 && (wishes[0] == kAll || wish_of(wishes[0]).parts > 1));
}

namespace {

std::vector<ChosenDevice> without_overlaps(std::vector<ChosenDevice> devices) {
    if (devices.size() < 2) return devices;
    std::vector<std::shared_ptr<runtime::Backend>> backends;
    for (const auto& device : devices)
        backends.push_back(device.backend);
    std::vector<bool> leave(devices.size(), false);
    {
        const Progress progress("measuring the devices together");
        for (const auto& overlap : node::overlapping(backends)) {
            leave[overlap.device] = true;
            say_warning(text("device ", devices[overlap.device].info().id, " is left out: it computes on the cores of ",
                             devices[overlap.with].info().id, ", and both together are ", number(overlap.together, 2),
                             " times as fast as ", devices[overlap.with].info().id, " alone"));
        }
    }
    std::vector<ChosenDevice> out;
    for (std::size_t i = 0; i < devices.size(); ++i) {
        if (!leave[i]) out.push_back(std::move(devices[i]));
    }
    return out;
}

}  // namespace

std::vector<ChosenDevice> open_devices(const DeviceFlags& flags, const std::vector<std::string>& wishes) {
    std::optional<opencl::Discovery> found;
    const opencl::SelectionSource source{[&]() -> const opencl::Discovery& {
                                             if (!found) found = discover(flags);
                                             return *found;
                                         },
                                         choose};
    std::vector<ChosenDevice> out;
    const auto given = wishes.empty() ? std::vector<std::string>{flags.device} : wishes;
    for (auto& part : with_flag_named([&] { return opencl::select(given, flags.threads, source); }))
        out.push_back(part ? open_part(std::move(*part), flags) : open_host(flags));
    return without_overlaps(std::move(out));
}

std::string devices_text(const std::vector<ChosenDevice>& devices) {
    std::vector<std::string> out;
    for (const auto& device : devices)
        out.push_back(device.text());
    return joined(out);
}

std::shared_ptr<client::Client> share(const std::vector<ChosenDevice>& devices) {
    std::vector<std::shared_ptr<runtime::Backend>> backends;
    for (const auto& device : devices)
        backends.push_back(device.backend);
    local::SharingOptions options;
    options.cancelled = [] { return signal_received() != 0; };
    const Progress progress("measuring " + devices_text(devices));
    return local::share_devices(std::move(backends), options);
}

}  // namespace shoal::cli
