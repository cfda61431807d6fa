#include "cli/start_up.hpp"

#include <stdlib.h>

#include <filesystem>
#include <system_error>

#include "base/error.hpp"
#include "cli/messages.hpp"
#include "cli/signals.hpp"
#include "device/kernel_file.hpp"
#include "platform/child_process.hpp"
#include "platform/files.hpp"

namespace shoal::cli {
namespace {

namespace fs = std::filesystem;
using base::Code;
using base::fail;
using platform::ChildProcess;

constexpr const char* kHeader = "start-up";

// A folder for the caches of one measurement, gone with it.
class CacheFolder {
public:
    CacheFolder() {
        std::string pattern = (fs::temp_directory_path() / "shoal-bench-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) fail(Code::io, "cannot make a folder like '", pattern, "'");
        path_ = pattern;
    }

    /// What 'shoal tune' has measured on this machine says which kernels are compiled: it is no compiled kernel itself.
    void take_tuned() const {
        std::error_code none;
        fs::copy(platform::cache_folder() / device::kMachineKernels, path_ / kOwnCache / device::kMachineKernels,
                 fs::copy_options::recursive, none);
    }
    ~CacheFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    CacheFolder(const CacheFolder&) = delete;
    CacheFolder& operator=(const CacheFolder&) = delete;

    /// VARIABLE=value for every cache that Shoal or a driver keeps.
    [[nodiscard]] std::vector<std::string> environment() const {
        std::vector<std::string> out;
        for (const char* name :
             {kOwnCache, "POCL_CACHE_DIR", "MESA_SHADER_CACHE_DIR", "CUDA_CACHE_PATH", "XDG_CACHE_HOME"}) {
            const auto folder = path_ / name;
            fs::create_directory(folder);
            fs::permissions(folder, fs::perms::owner_all);
            out.push_back(std::string(name) + "=" + folder.string());
        }
        return out;
    }

private:
    static constexpr const char* kOwnCache = "SHOAL_CACHE";

    fs::path path_;
};

StartUp run_child(const std::vector<std::string>& command) {
    constexpr std::chrono::milliseconds kLook{100};
    constexpr int kLooks = 6000;
    try {
        auto child = ChildProcess::run(command);
        for (int look = 0; look < kLooks; ++look) {
            check_signals();
            const auto line = child.read_line(kLook);
            if (line.kind == ChildProcess::Line::Kind::late) continue;
            if (line.kind == ChildProcess::Line::Kind::end) break;
            if (const auto start = from_line(line.text)) return *start;
        }
    } catch (const std::system_error& error) {
        fail(Code::io, "cannot measure the start: ", error.what());
    }
    fail(Code::unavailable, "the process that measures the start failed; leave that out with --skip-start");
}

}  // namespace

std::string to_line(const StartUp& start) {
    auto out = base::plain_output();
    out.precision(9);
    out << kHeader << ' ' << start.load_ms << ' ' << start.open_ms << ' ' << start.compile_ms << ' '
        << start.first_run_ms << ' ' << start.peak_resident_bytes;
    return out.str();
}

std::optional<StartUp> from_line(const std::string& line) {
    auto in = base::plain_input(line);
    std::string header;
    StartUp out;
    if (!(in >> header >> out.load_ms >> out.open_ms >> out.compile_ms >> out.first_run_ms >> out.peak_resident_bytes))
        return std::nullopt;
    return header == kHeader ? std::optional(out) : std::nullopt;
}

StartUps measure_start_ups(const std::vector<std::string>& arguments) {
    const CacheFolder caches;
    std::error_code failed;
    const auto self = fs::read_symlink("/proc/self/exe", failed);
    if (failed) fail(Code::io, "cannot find this program to run it again: ", failed.message());
    std::vector<std::string> command{"env"};
    for (const auto& variable : caches.environment())
        command.push_back(variable);
    caches.take_tuned();
    command.push_back(self.string());
    command.insert(command.end(), arguments.begin(), arguments.end());
    Progress progress("measuring a cold start");
    StartUps out;
    out.cold = run_child(command);
    progress.show("measuring a warm start");
    out.warm = run_child(command);
    return out;
}

}  // namespace shoal::cli
