// Rates remembered on disk: one small text file a device, "<digest of the key>.rates". Whatever does not read as one
// is measured again.
#include <cmath>
#include <cstdio>
#include <optional>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "opencl/rates.hpp"
#include "platform/files.hpp"

namespace shoal::opencl {
namespace {

namespace fs = std::filesystem;
using device::Rates;

constexpr const char* kHeader = "shoal rates 1";

std::string key_of(const FoundDevice& device) {
    return device.info.speed_identity();
}

std::optional<Rates> parse(const std::string& text, const std::string& key) {
    auto in = base::plain_input(text);
    std::string header, written_key;
    Rates out;
    if (!std::getline(in, header) || header != kHeader) return std::nullopt;
    if (!std::getline(in, written_key) || written_key != key) return std::nullopt;
    if (!(in >> out.flops_per_s >> out.bytes_per_s >> out.launch_s >> out.round_trip_s)) return std::nullopt;
    const auto sane = [](double value) { return std::isfinite(value) && value >= 0; };
    if (!sane(out.flops_per_s) || !sane(out.bytes_per_s) || !sane(out.launch_s) || !sane(out.round_trip_s) ||
        !out.measured())
        return std::nullopt;
    return out;
}

std::string printed(const Rates& rates, const std::string& key) {
    auto out = base::plain_output();
    out.precision(17);
    out << kHeader << '\n' << key << '\n';
    out << rates.flops_per_s << ' ' << rates.bytes_per_s << ' ' << rates.launch_s << ' ' << rates.round_trip_s << '\n';
    return out.str();
}

// A board without a clock of its own may believe that a file comes from the future: that is no age to trust either.
bool is_recent(const fs::path& path, std::chrono::hours longest_age) {
    std::error_code error;
    const auto written = fs::last_write_time(path, error);
    const auto age = fs::file_time_type::clock::now() - written;
    return !error && age >= -std::chrono::hours(1) && age <= longest_age;
}

std::optional<Rates> remembered(const fs::path& path, const std::string& key) {
    try {
        return parse(base::read_text(path), key);
    } catch (const base::Error&) {
        return std::nullopt;
    }
}

}  // namespace

Rates rates_of(const FoundDevice& device, const RatesOptions& options) {
    const auto folder = options.folder.empty() ? platform::cache_folder() / "rates" : options.folder;
    const std::string key = key_of(device);
    const auto path = folder / (base::Digest::of(key).hex() + ".rates");
    if (!options.measure_again && is_recent(path, options.longest_age)) {
        if (const auto rates = remembered(path, key)) return *rates;
    }
    const Rates rates = measure_rates(device, options.program);
    try {
        base::make_private_folder(folder);
        base::replace_file(path, printed(rates, key));
    } catch (const base::Error& error) {
        base::log_warning("opencl", "measured rates are not kept: ", error.what());
    }
    return rates;
}

}  // namespace shoal::opencl
