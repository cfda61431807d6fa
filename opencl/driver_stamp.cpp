#include "opencl/driver_stamp.hpp"

#include <optional>
#include <sstream>
#include <system_error>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "base/log.hpp"

namespace shoal::opencl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStampHeader = "shoal drivers 1";

// What a healthy driver is remembered by: registration, and its library's file, size and time.
std::optional<std::string> stamp_of(const std::vector<Icd>& icds, const std::vector<std::string>& paths) {
    auto out = base::plain_output();
    out << kStampHeader << '\n';
    for (std::size_t i = 0; i < icds.size(); ++i) {
        std::error_code error;
        const auto size = fs::file_size(paths[i], error);
        const auto time = fs::last_write_time(paths[i], error);
        if (error) return std::nullopt;
        out << icds[i].name() << '\t' << icds[i].library << '\t' << paths[i] << '\t' << size << '\t'
            << time.time_since_epoch().count() << '\n';
    }
    return out.str();
}

fs::path stamp_path(const fs::path& folder, const std::vector<Icd>& icds) {
    std::string names;
    for (const auto& icd : icds)
        names += icd.name() + "\n";
    return folder / (base::Digest::of(names).brief() + ".healthy");
}

}  // namespace

bool found_healthy(const fs::path& folder, const std::vector<Icd>& icds) {
    try {
        const std::string stamp = base::read_text(stamp_path(folder, icds));
        std::istringstream in(stamp);
        std::vector<std::string> paths;
        std::string line;
        std::getline(in, line);
        while (std::getline(in, line)) {
            std::istringstream fields(line);
            std::string name, library, path;
            std::getline(fields, name, '\t');
            std::getline(fields, library, '\t');
            std::getline(fields, path, '\t');
            paths.push_back(path);
        }
        return paths.size() == icds.size() && stamp_of(icds, paths) == stamp;
    } catch (const base::Error&) {
        return false;
    }
}

void remember_healthy(const fs::path& folder, const std::vector<Icd>& icds, const std::vector<std::string>& paths) {
    try {
        const auto stamp = stamp_of(icds, paths);
        if (!stamp) return;
        base::make_private_folder(folder);
        base::replace_file(stamp_path(folder, icds), *stamp);
    } catch (const base::Error& error) {
        base::log_debug("opencl", "that the drivers are healthy is not remembered: ", error.what());
    }
}

}  // namespace shoal::opencl
