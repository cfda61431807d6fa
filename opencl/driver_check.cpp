#include "opencl/driver_check.hpp"

#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <system_error>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/time.hpp"
#include "base/units.hpp"
#include "opencl/driver_stamp.hpp"
#include "platform/child_process.hpp"
#include "platform/files.hpp"

namespace shoal::opencl {
namespace {

namespace fs = std::filesystem;
using platform::ChildEnd;
using platform::ChildProcess;

// What one child told before it ended or went silent.
struct Report {
    std::vector<std::string> paths;                  // one a driver, "" when it was not loaded
    std::vector<std::optional<std::string>> failed;  // one a driver
    std::optional<std::size_t> at_work;              // the driver it was in when nothing more came
    bool finished = false;
    bool late = false;
    ChildEnd end{};
};

std::string joined(const std::vector<std::size_t>& numbers) {
    std::string out;
    for (const auto number : numbers)
        out += (out.empty() ? "" : ",") + std::to_string(number);
    return out;
}

void take_line(const std::string& line, Report& report) {
    std::istringstream in(line);
    std::string event, rest;
    std::size_t index = 0;
    if (!(in >> event >> index)) return;
    if (event == "loader") {
        report.finished = true;
        return;
    }
    if (index >= report.paths.size()) return;
    std::getline(in >> std::ws, rest);
    if (event == "begin") report.at_work = index;
    if (event == "path") report.paths[index] = rest;
    if (event == "failed") report.failed[index] = rest;
    if (event == "failed" || event == "fine") report.at_work.reset();
}

ChildProcess start(const DriverCheckOptions& options, const std::string& skipped, const fs::path& vendors) {
    if (options.command.empty())
        return ChildProcess::fork([&](int output) { serve_driver_check(output, skipped, vendors); });
    auto command = options.command;
    command.push_back(skipped);
    command.push_back(vendors.string());
    return ChildProcess::run(command);
}

Report listen(ChildProcess child, std::size_t drivers, std::chrono::milliseconds patience) {
    Report report;
    report.paths.resize(drivers);
    report.failed.resize(drivers);
    while (!report.finished) {
        const auto line = child.read_line(patience);
        report.late = line.kind == ChildProcess::Line::Kind::late;
        if (line.kind != ChildProcess::Line::Kind::text) break;
        take_line(line.text, report);
    }
    report.end = child.end();
    return report;
}

// "hangs" or "crashes (Segmentation fault)".
std::string misbehaviour(const Report& report, std::chrono::milliseconds patience) {
    if (report.late) return "hangs when it is loaded (no answer in " + base::format_ms(base::to_ms(patience)) + ")";
    if (report.end.signal) return "crashes when it is loaded (" + std::string(::strsignal(*report.end.signal)) + ")";
    if (report.end.exit_code)
        return "ends the process when it is loaded (exit code " + std::to_string(*report.end.exit_code) + ")";
    return "ends the process when it is loaded";
}

std::string remedy(const Icd& icd) {
    if (icd.file.empty()) return "correct OCL_ICD_VENDORS or OCL_ICD_FILENAMES in the environment";
    return "reinstall its package, or remove " + icd.file.string();
}

std::string line_about(const Icd& icd, const std::string& what) {
    return "OpenCL driver " + icd.name() + (icd.file.empty() ? "" : " (" + icd.library + ")") + " " + what + ": " +
           remedy(icd);
}

std::vector<Icd> without(const std::vector<Icd>& icds, const std::vector<std::size_t>& skipped) {
    std::vector<Icd> out;
    for (std::size_t i = 0; i < icds.size(); ++i) {
        if (std::find(skipped.begin(), skipped.end(), i) == skipped.end()) out.push_back(icds[i]);
    }
    return out;
}

DriverVerdict try_all(const std::vector<Icd>& icds, const DriverCheckOptions& options, const fs::path& folder) {
    DriverVerdict verdict;
    std::vector<std::size_t> skipped;
    while (true) {
        verdict.usable = without(icds, skipped);
        if (!skipped.empty()) verdict.vendors = vendor_folder(folder, verdict.usable);
        const Report report = listen(start(options, joined(skipped), verdict.vendors), icds.size(), options.patience);
        if (!report.finished && report.at_work) {
            verdict.problems.push_back(line_about(icds[*report.at_work], misbehaviour(report, options.patience)));
            skipped.push_back(*report.at_work);
            continue;
        }
        if (!report.finished) {
            verdict.loader_works = false;
            verdict.problems.push_back("the OpenCL loader (libOpenCL.so) " + misbehaviour(report, options.patience) +
                                       ": reinstall the package ocl-icd-libopencl1");
        }
        for (std::size_t i = 0; i < icds.size(); ++i) {
            if (report.failed[i])
                verdict.problems.push_back(line_about(icds[i], "cannot be used, " + *report.failed[i]));
        }
        if (verdict.problems.empty()) remember_healthy(folder, icds, report.paths);
        return verdict;
    }
}

// A home that cannot be written (a service, a read-only system) must not keep a hanging driver in.
fs::path folder_of(const DriverCheckOptions& options) {
    if (!options.folder.empty()) return options.folder;
    const auto usual = platform::cache_folder() / "drivers";
    try {
        base::make_private_folder(usual);
        return usual;
    } catch (const base::Error&) {
        auto spare = fs::temp_directory_path() / ("shoal-drivers-" + std::to_string(::getuid()));
        base::make_private_folder(spare);
        return spare;
    }
}

}  // namespace

DriverVerdict check_drivers(const DriverCheckOptions& options) {
    const auto icds = registered_icds();
    const DriverVerdict healthy{{}, icds};
    if (options.check == DriverCheck::never) return healthy;
    const auto unchecked = [&](const std::exception& error) {
        base::log_warning("opencl", "drivers are not checked: ", error.what());
        return healthy;
    };
    try {
        const auto folder = folder_of(options);
        if (options.check == DriverCheck::when_changed && found_healthy(folder, icds)) return healthy;
        return try_all(icds, options, folder);
    } catch (const std::system_error& error) {
        return unchecked(error);
    } catch (const base::Error& error) {  // no folder of our own to note it in
        if (error.code() != base::Code::refused) throw;
        return unchecked(error);
    }
}

}  // namespace shoal::opencl
