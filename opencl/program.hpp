// Programs for one device: compiled from source, or taken from where an earlier run or an ahead-of-time build left
// them.
//
// Where a driver keeps no compiled code of its own, binaries are cached on disk under key (source, options) and
// identity (device, driver, versions). PoCL does keep its own (POCL_CACHE_DIR), and there Shoal leaves it to it, by
// measurement: 20 small kernels in one program on PoCL 3.1, 2 cores, build + first run
//                                       build    binary    first run
//   from source, cold                   850 ms         -     1530 ms   (PoCL compiles again per work-group size at
//   enqueue) asking for the binary, cold         860 ms   +1950 ms    1480 ms   (compiles kernels for any size, never
//   used again) from the binary, PoCL's cache cold   22 ms         -     1620 ms   (the binary lacks the code for the
//   size in use) from source, PoCL's cache warm       42 ms         -       10 ms from the binary, PoCL's cache warm 6
//   ms         -       10 ms
// Two seconds of extra compiling would buy 36 ms of each later start. rusticl (Mesa 22.3, llvmpipe), where a binary
// costs nothing to get, builds the same from source in 164 ms cold and 47 ms warm, from Shoal's cache in 10 ms.
// A binary that is asked for after its kernels have run holds the code for their sizes: from such ones ResNet-18's
// first run took 171 ms with PoCL's cache cold.
//
// Safe to use from several threads.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "opencl/device_query.hpp"
#include "opencl/handles.hpp"

namespace shoal::opencl {

struct ProgramSource {
    std::string name;     ///< for messages and listings, e.g. "stage 0 of resnet18"
    std::string text;     ///< OpenCL C
    std::string options;  ///< as clBuildProgram takes them
    std::string model{};  ///< whose kernels these are, for messages; "" of what belongs to no model
};

enum class ProgramOrigin {
    compiled,       ///< by the driver, which may have had it in a cache of its own
    cache,          ///< a binary from Shoal's disk cache
    kernel_folder,  ///< an ahead-of-time binary
};
std::string_view name(ProgramOrigin origin) noexcept;

struct BuiltProgram {
    ProgramHandle program;
    ProgramOrigin origin = ProgramOrigin::compiled;
    double seconds = 0;
    std::string log{};  ///< what the compiler had to say, at most 4000 bytes
};

enum class CacheUse {
    automatic,  ///< Shoal's cache unless the driver is known to keep a better one
    always,
    never,
};

struct ProgramOptions {
    CacheUse cache = CacheUse::automatic;
    std::filesystem::path cache_folder{};  ///< empty: "programs" below platform::cache_folder()
    std::uint64_t cache_limit_bytes = std::uint64_t{256} << 20;
    /// Ahead-of-time binaries. When given, programs come from here and the compiler is never called.
    std::filesystem::path kernel_folder{};
    /// Programs that are built are stored here by ProgramBuilder::store_exports, to become somebody's kernel folder.
    std::filesystem::path export_folder{};

    /// Whether programs are, or become, binaries that more than one graph is served from.
    [[nodiscard]] bool ahead_of_time() const { return !kernel_folder.empty() || !export_folder.empty(); }
};

/// What an export folder was given.
struct ExportTotals {
    std::size_t programs = 0;
    std::uint64_t bytes = 0;  ///< of their binaries
};

/// How programs came about since the builder was made.
struct BuildTotals {
    int compiled = 0, from_cache = 0, from_kernel_folder = 0;
    double seconds = 0;  ///< in all of them together
};

class ProgramBuilder {
public:
    /// The context must be of `device`, or of a sub-device of it. It must outlive the builder.
    ProgramBuilder(cl_context context, FoundDevice device, ProgramOptions options = {});
    ~ProgramBuilder();
    ProgramBuilder(ProgramBuilder&&) noexcept;
    ProgramBuilder& operator=(ProgramBuilder&&) noexcept;

    /// Throws device with the build log when the source does not compile; refused, with both identities, when the
    /// kernel folder was made for another device or driver; not_found when it lacks the program; unsupported when the
    /// device has no compiler and there is no kernel folder.
    [[nodiscard]] BuiltProgram build(const ProgramSource& source);

    /// Throws refused, with both identities, when the kernel folder was made for other devices only, and not_found when
    /// it holds no program at all. Nothing happens without a kernel folder.
    void check_kernel_folder() const;

    /// Stores what was built so far in the export folder. To be called once its kernels have run: PoCL compiles for a
    /// work-group size when a kernel first runs with it, and only what is compiled by then is in its binaries. Throws
    /// io, and unsupported when the driver gives out no binaries.
    ExportTotals store_exports();

    [[nodiscard]] BuildTotals totals() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace shoal::opencl
