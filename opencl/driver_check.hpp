// Trying the installed OpenCL drivers before this process depends on them: a driver that hangs or crashes when it is
// loaded would take the whole process with it, because the ICD loader loads all of them at the first OpenCL call.
//
// A child process loads the drivers one by one and reports; whichever it hangs or dies in is left out and the child
// starts again without it. The child is a fork of this process, or, for host programs with many threads, a program that
// the host names and that calls serve_driver_check. Healthy drivers are remembered by their files' sizes and times.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "opencl/icd.hpp"

namespace shoal::opencl {

enum class DriverCheck {
    when_changed,  ///< unless the same driver files were found healthy before
    always,
    never,
};

struct DriverCheckOptions {
    DriverCheck check = DriverCheck::when_changed;
    std::chrono::milliseconds patience{10000};  ///< with each driver
    /// A program to run as the child instead of a fork, e.g. {"/proc/self/exe", "check-drivers"}; what
    /// serve_driver_check takes is appended.
    std::vector<std::string> command{};
    std::filesystem::path folder{};  ///< of what is remembered; empty: "drivers" below platform::cache_folder()
};

struct DriverVerdict {
    std::vector<std::string> problems{};  ///< one line a driver, with what to do
    std::vector<Icd> usable{};            ///< all but those that hang or crash
    std::filesystem::path vendors{};      ///< when some do: the folder of registrations that lacks them
    bool loader_works = true;             ///< false: the loader itself hangs or crashes
};

/// Tries every registered driver. Makes no OpenCL call in this process and does not change its environment.
[[nodiscard]] DriverVerdict check_drivers(const DriverCheckOptions& options);

/// The child's side: tries the drivers but `skipped` ("0,2", or "" for none) and writes one line an event to `output`.
void serve_driver_check(int output, const std::string& skipped, const std::filesystem::path& vendors);

/// For a program named in DriverCheckOptions::command: serves on standard output with the last two arguments.
int serve_driver_check(int argc, char** argv);

}  // namespace shoal::opencl
