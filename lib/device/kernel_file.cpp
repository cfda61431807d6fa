#include "device/kernel_file.hpp"

#include <cmath>
#include <optional>
#include <sstream>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/file.hpp"

namespace shoal::device {
namespace {

using base::Code;
using base::fail;

constexpr std::size_t kMostKernels = 65536;
constexpr const char* kFormat = "kernels 2 ";
constexpr const char* kUsual = "-";

std::string without_id(const DeviceInfo& device) {
    return SHOAL_VERSION "|" + device.speed_identity();
}

// Equal parts of one device ("0.0/1") take the same times. The device's id is no part of it: it changes with every
// driver that comes or goes.
std::string identity_of(const DeviceInfo& device) {
    return base::text(SHOAL_VERSION, '|', device.twin, '|', device.speed_identity());
}

void read_line(const std::string& line, KernelTable& out) {
    auto fields = base::plain_input(line);
    KernelCost cost{0, 0, 0, true};
    std::string variant, signature;
    fields >> cost.seconds >> cost.weight_bytes >> cost.workspace_bytes >> variant;
    if (!fields || !std::isfinite(cost.seconds) || cost.seconds < 0 || fields.get() != ' ') return;
    if (!std::getline(fields, signature) || signature.empty()) return;
    if (variant != kUsual) out.variants.emplace(signature, variant);
    out.costs.emplace(std::move(signature), cost);
}

// The identity in the first line and what follows; nothing when it is no such file.
std::optional<std::pair<std::string, KernelTable>> parse(const std::string& text) {
    std::istringstream in(text);
    std::string line;
    const std::string format(kFormat);
    if (!std::getline(in, line) || line.rfind(format, 0) != 0) return std::nullopt;
    std::pair<std::string, KernelTable> out{line.substr(format.size()), {}};
    while (std::getline(in, line) && out.second.costs.size() < kMostKernels)
        read_line(line, out.second);
    return out;
}

std::string printed(const std::string& identity, const KernelTable& table) {
    auto out = base::plain_output();
    out.precision(9);
    out << kFormat << identity << '\n';
    std::size_t count = 0;
    for (const auto& [signature, cost] : table.costs) {
        if (signature.find('\n') != std::string::npos || ++count > kMostKernels) continue;
        const auto variant = table.variants.find(signature);
        out << cost.seconds << ' ' << cost.weight_bytes << ' ' << cost.workspace_bytes << ' '
            << (variant == table.variants.end() ? kUsual : variant->second) << ' ' << signature << '\n';
    }
    return out.str();
}

}  // namespace

KernelFile::KernelFile(const std::filesystem::path& folder, const DeviceInfo& device)
    : path_(folder / (base::Digest::of(identity_of(device)).brief() + ".txt")), identity_(identity_of(device)) {}

KernelTable KernelFile::parsed(const std::string& text) const {
    auto got = parse(text);
    return got && got->first == identity_ ? std::move(got->second) : KernelTable{};
}

KernelTable KernelFile::load() const {
    try {
        return parsed(base::read_text(path_));
    } catch (const base::Error&) {
        return {};
    }
}

void KernelFile::save(const KernelTable& table) const {
    base::make_folder(path_.parent_path());
    base::replace_file(path_, printed(identity_, table));
}

void KernelFile::add(const KernelTable& table) const {
    base::make_folder(path_.parent_path());
    base::update_file(path_, [&](const std::string& old) {
        KernelTable all = parsed(old);
        merge(all, table);
        return printed(identity_, all);
    });
}

KernelTable load_kernel_table(const std::filesystem::path& file, const DeviceInfo* device) {
    auto got = parse(base::read_text(file));
    if (!got) fail(Code::invalid_argument, "'", file.string(), "' is no table of kernels; 'shoal tune -o' writes one");
    if (device != nullptr && got->first != without_id(*device))
        fail(Code::refused, "the kernels of '", file.string(), "' were measured on \"", got->first,
             "\", and this device is \"", without_id(*device), "\"; run 'shoal tune' here");
    return std::move(got->second);
}

void save_kernel_table(const std::filesystem::path& file, const DeviceInfo& device, const KernelTable& table) {
    base::replace_file(file, printed(without_id(device), table));
}

}  // namespace shoal::device
