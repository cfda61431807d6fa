// The flags that choose a device, and the device that they choose.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/client.hpp"
#include "opencl/discovery.hpp"
#include "opencl/program.hpp"
#include "opencl/sub_device.hpp"
#include "runtime/backend.hpp"

namespace CLI {
class App;
}

namespace shoal::cli {

struct DeviceFlags {
    std::string device = "best";
    int threads = 0;           ///< 0: all that the device has
    double patience_s = 10;    ///< with each driver, when it is tried for the first time
    bool compact = false;      ///< weights stay as small as the model has them
    std::string kernel_class;  ///< device::kernel_class_named(); "" by what the device is
    std::string tuned;         ///< a table of 'shoal tune' that was brought along
    std::string kernels;       ///< a folder of program binaries, instead of a compiler
};
void add_device_flags(CLI::App& command, DeviceFlags& flags);
/// For who takes several: --device fills `wishes`, the others are for each of them. `what_for`: what several are for.
void add_devices_flags(CLI::App& command, DeviceFlags& flags, std::vector<std::string>& wishes,
                       const std::string& what_for);
void add_patience_flag(CLI::App& command, DeviceFlags& flags);
void add_kernels_flag(CLI::App& command, DeviceFlags& flags);

/// What is found with these flags.
[[nodiscard]] opencl::Discovery discover(const DeviceFlags& flags);

struct ChosenDevice {
    std::shared_ptr<runtime::Backend> backend;
    std::optional<opencl::SubDevice> part{};  ///< all of it or some compute units; absent: the plain loops of the host

    opencl::ProgramOptions programs{};

    [[nodiscard]] const device::DeviceInfo& info() const { return backend->device(); }
    /// What the device reached when it was measured, now or in the last month; nothing is known of the host's loops.
    [[nodiscard]] device::Rates rates() const;
    /// "0.0 pthread-... (CPU, 2 compute units)"
    [[nodiscard]] std::string text() const;
};
/// Throws unavailable or not_found, with the drivers' problems, device, UsageError, and refused or not_found for a
/// folder of binaries. `export_folder`: where its programs will be stored (opencl::store_exports).
[[nodiscard]] ChosenDevice open_device(const DeviceFlags& flags, const std::filesystem::path& export_folder = {});
/// Whether the wishes may be for more than one device: several, "all", or parts of one ("cpu/2").
[[nodiscard]] bool are_several(const std::vector<std::string>& wishes);
/// One for each wish, in their order, for "all" each that is found, for "D/N" each part; DeviceFlags::device where
/// there is no wish. Those that only share another's cores are left out, with a warning. Throws as open_device(), and
/// UsageError when two wishes name one device.
[[nodiscard]] std::vector<ChosenDevice> open_devices(const DeviceFlags& flags, const std::vector<std::string>& wishes);
/// "0.0/1 pthread-... (CPU, 1 compute unit), 0.0/2 ..."
[[nodiscard]] std::string devices_text(const std::vector<ChosenDevice>& devices);
/// A client of the hub that plans for them; a signal ends starting it.
[[nodiscard]] std::shared_ptr<client::Client> share(const std::vector<ChosenDevice>& devices);

}  // namespace shoal::cli
