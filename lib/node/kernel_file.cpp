// Measured kernels on disk. Part of kernel_timing.hpp.
#include <cmath>
#include <sstream>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "node/kernel_timing.hpp"

namespace shoal::node {

namespace {

constexpr std::size_t kMostKernels = 65536;

}  // namespace

KernelFile::KernelFile(const std::filesystem::path& folder, const device::DeviceInfo& device)
    : path_(folder / (base::Digest::of(device.id + "|" + device.speed_identity()).brief() + ".txt")),
      first_line_("kernels 1 " + device.id + "|" + device.speed_identity()) {}

plan::MeasuredKernels KernelFile::load() const {
    plan::MeasuredKernels out;
    std::string text;
    try {
        text = base::read_text(path_);
    } catch (const base::Error&) {
        return out;
    }
    std::istringstream in(text);
    std::string line;
    if (!std::getline(in, line) || line != first_line_) return out;
    while (std::getline(in, line) && out.size() < kMostKernels) {
        std::istringstream fields(line);
        plan::KernelCost cost{0, 0, 0, true};
        std::string signature;
        fields >> cost.seconds >> cost.weight_bytes >> cost.workspace_bytes;
        if (!fields || !std::isfinite(cost.seconds) || cost.seconds < 0 || fields.get() != ' ') continue;
        if (std::getline(fields, signature) && !signature.empty()) out.emplace(std::move(signature), cost);
    }
    return out;
}

void KernelFile::save(const plan::MeasuredKernels& kernels) const {
    std::ostringstream out;
    out.precision(9);
    out << first_line_ << '\n';
    std::size_t count = 0;
    for (const auto& [signature, cost] : kernels) {
        if (signature.find('\n') != std::string::npos || ++count > kMostKernels) continue;
        out << cost.seconds << ' ' << cost.weight_bytes << ' ' << cost.workspace_bytes << ' ' << signature << '\n';
    }
    base::replace_file(path_, out.str());
}

}  // namespace shoal::node
