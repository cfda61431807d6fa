#include "cli/device_flags.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "cli/frame.hpp"
#include "cli/messages.hpp"
#include "cli/signals.hpp"
#include "cli/suggest.hpp"
#include "cli/text.hpp"
#include "opencl/backend.hpp"
#include "opencl/rates.hpp"
#include "runtime/host_backend.hpp"

namespace shoal::cli {
namespace {

using base::Code;
using base::text;

constexpr const char* kHost = "host";
constexpr const char* kAll = "all";
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

void add_devices_flags(CLI::App& command, DeviceFlags& flags, std::vector<std::string>& wishes) {
    command
        .add_option("-d,--device", wishes,
                    text("What to offer: ", kChoices, "; or all: every OpenCL device. May be repeated"))
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

ChosenDevice open_found(const opencl::FoundDevice& chosen, const DeviceFlags& flags,
                        const std::filesystem::path& export_folder) {
    auto part = flags.threads > 0 ? opencl::limit_threads(chosen, flags.threads) : opencl::SubDevice{chosen, nullptr};
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
    const auto found = discover(flags);
    return open_found(choose(found, flags.device), flags, export_folder);
}

std::vector<ChosenDevice> open_devices(const DeviceFlags& flags, const std::vector<std::string>& wishes) {
    std::vector<ChosenDevice> out;
    std::map<std::string, std::string> wished;  // by the device's id
    const auto wish_for = [&](const std::string& id, const std::string& wish) {
        const auto [at, fresh] = wished.emplace(id, wish);
        if (!fresh && wish != kAll && at->second != kAll)
            throw UsageError(text("--device: '", at->second, "' and '", wish, "' are the same device, ", id));
        return fresh;
    };
    std::optional<opencl::Discovery> found;
    for (const auto& wish : wishes.empty() ? std::vector<std::string>{flags.device} : wishes) {
        if (wish == kHost) {
            if (wish_for(kHost, wish)) out.push_back(open_host(flags));
            continue;
        }
        if (!found) found = discover(flags);
        if (wish != kAll || found->devices.empty()) {
            const auto& chosen = choose(*found, wish == kAll ? "best" : wish);  // throws when there is none
            if (wish_for(chosen.info.id, wish)) out.push_back(open_found(chosen, flags, {}));
            continue;
        }
        for (const auto& device : found->devices) {
            if (wish_for(device.info.id, wish)) out.push_back(open_found(device, flags, {}));
        }
    }
    return out;
}

}  // namespace shoal::cli
