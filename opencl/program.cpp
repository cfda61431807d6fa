#include "opencl/program.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <utility>

#include "base/file.hpp"
#include "base/log.hpp"
#include "opencl/program_folder.hpp"
#include "platform/files.hpp"

namespace shoal::opencl {
namespace {

using base::Code;
using base::fail;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestLog = 4000;

// One compilation at a time: some drivers' compilers are not thread-safe (Oclgrind 21.10 crashes in clang), and where
// they are, a second thread gains little.
std::mutex& compiler_mutex() {
    static std::mutex mutex;
    return mutex;
}

bool keeps_own_cache(const FoundDevice& device) {
    return device.info.platform == "Portable Computing Language";  // PoCL; the header has the measurement
}

bool wants_cache(const ProgramOptions& options, const FoundDevice& device) {
    if (options.ahead_of_time()) return false;
    if (options.cache == CacheUse::automatic) return !keeps_own_cache(device);
    return options.cache == CacheUse::always;
}

// Binaries are code: a folder that somebody else may write to is as good as none.
bool may_keep_programs(const std::filesystem::path& folder) {
    try {
        base::make_private_folder(folder);
        return true;
    } catch (const base::Error& error) {
        base::log_warning("opencl", "compiled programs are not kept: ", error.what());
        return false;
    }
}

// Lengths are hashed too: ("ab", "c") and ("a", "bc") are different programs.
base::Digest key_of(const ProgramSource& source) {
    return base::DigestBuilder()
        .add(base::text(source.text.size(), ' ', source.options.size(), '\n'))
        .add(source.text)
        .add(source.options)
        .finish();
}

std::string build_log(cl_program program, cl_device_id device) {
    std::size_t size = 0;
    if (clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, 0, nullptr, &size) != CL_SUCCESS) return {};
    std::string log(size, '\0');
    if (clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, size, log.data(), nullptr) != CL_SUCCESS)
        return {};
    log.resize(std::min(log.find('\0'), log.size()));
    if (log.size() > kLongestLog) {
        const auto left_out = log.size() - kLongestLog;
        log.resize(kLongestLog);
        log += base::text("... (", left_out, " bytes more)");
    }
    while (!log.empty() && (log.back() == '\n' || log.back() == ' '))
        log.pop_back();
    return log;
}

std::vector<std::byte> binary_of(cl_program program) {
    std::size_t size = 0;
    check(clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, nullptr), "clGetProgramInfo",
          "CL_PROGRAM_BINARY_SIZES");
    std::vector<std::byte> binary(size);
    std::byte* to = binary.data();
    if (size == 0) return binary;  // a driver that gives none
    check(clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof to, &to, nullptr), "clGetProgramInfo",
          "CL_PROGRAM_BINARIES");
    return binary;
}

}  // namespace

std::string_view name(ProgramOrigin origin) noexcept {
    switch (origin) {
        case ProgramOrigin::compiled: return "compiled";
        case ProgramOrigin::cache: return "cache";
        case ProgramOrigin::kernel_folder: return "kernel folder";
    }
    return "?";
}

struct ProgramBuilder::State {
    State(cl_context context_, FoundDevice device_, ProgramOptions options_)
        : context(context_),
          device(std::move(device_)),
          options(std::move(options_)),
          identity(device.info.identity()),
          cache(options.cache_folder.empty() ? platform::cache_folder() / "programs" : options.cache_folder),
          kernels(options.kernel_folder),
          use_cache(wants_cache(options, device) && may_keep_programs(cache.path())) {}

    [[nodiscard]] BuiltProgram compile(const ProgramSource& source) const;
    [[nodiscard]] ProgramHandle load(const ProgramFile& file, const std::string& build_options) const;
    [[nodiscard]] BuiltProgram from_kernel_folder(const ProgramSource& source, const base::Digest& key) const;
    [[nodiscard]] std::optional<BuiltProgram> from_cache(const ProgramSource& source, const base::Digest& key) const;
    [[nodiscard]] BuiltProgram make(const ProgramSource& source) const;
    [[nodiscard]] ProgramFile file_of(const ProgramSource& source, const base::Digest& key, cl_program program) const;
    void keep(const ProgramSource& source, const base::Digest& key, cl_program program) const;
    void keep_for_export(const ProgramSource& source, const base::Digest& key, cl_program program) const;
    void check_kernel_folder() const;
    [[nodiscard]] std::string how_to_make(const std::string& model) const;

    cl_context context;
    FoundDevice device;
    ProgramOptions options;
    std::string identity;
    ProgramFolder cache;
    ProgramFolder kernels;
    bool use_cache;
    struct Export {
        ProgramSource source;
        ProgramHandle program;
    };
    mutable std::mutex mutex;  // of the rest
    mutable std::map<base::Digest, Export> exports;
    BuildTotals totals{};
};

BuiltProgram ProgramBuilder::State::compile(const ProgramSource& source) const {
    if (!device.info.online_compiler) {
        fail(Code::unsupported, "device ", device.info.name, " has no compiler of its own: program '", source.name,
             "' needs a folder of ahead-of-time kernels, given by --kernels; on a machine whose driver compiles for "
             "this "
             "device, ",
             how_to_make(source.model));
    }
    const char* text = source.text.data();
    const std::size_t size = source.text.size();
    cl_int status = CL_SUCCESS;
    BuiltProgram out;
    const std::lock_guard lock(compiler_mutex());
    out.program.reset(clCreateProgramWithSource(context, 1, &text, &size, &status));
    check(status, "clCreateProgramWithSource", "program ", source.name);
    status = clBuildProgram(out.program.get(), 1, &device.handle, source.options.c_str(), nullptr, nullptr);
    out.log = build_log(out.program.get(), device.handle);
    check(status, "clBuildProgram", "program '", source.name, "' on ", device.info.name, " with options '",
          source.options, "':\n", out.log);
    return out;
}

// Null when the driver does not take the binary.
ProgramHandle ProgramBuilder::State::load(const ProgramFile& file, const std::string& build_options) const {
    const auto* bytes = reinterpret_cast<const unsigned char*>(file.binary.data());
    const std::size_t size = file.binary.size();
    cl_int status = CL_SUCCESS, of_binary = CL_SUCCESS;
    const std::lock_guard lock(compiler_mutex());
    ProgramHandle program(clCreateProgramWithBinary(context, 1, &device.handle, &size, &bytes, &of_binary, &status));
    if (status == CL_SUCCESS)
        status = clBuildProgram(program.get(), 1, &device.handle, build_options.c_str(), nullptr, nullptr);
    if (status == CL_SUCCESS) return program;
    base::log_info("opencl", "the driver does not take the binary of program '", file.name,
                   "': ", status_text(status, "clBuildProgram"));
    return nullptr;
}

BuiltProgram ProgramBuilder::State::from_kernel_folder(const ProgramSource& source, const base::Digest& key) const {
    const auto folder = options.kernel_folder.string();
    if (const auto file = kernels.find(key, identity)) {
        BuiltProgram out{load(*file, source.options), ProgramOrigin::kernel_folder};
        if (out.program) return out;
        fail(Code::device, "the driver of ", device.info.name, " refuses the binary of program '", source.name,
             "' in '", folder, "'; make it again: ", how_to_make(source.model));
    }
    std::string others;
    for (const auto& other : kernels.identities_of(key))
        others += (others.empty() ? "'" : ", '") + other + "'";
    if (others.empty()) {
        check_kernel_folder();
        const auto whose = source.model.empty() ? "" : base::text(" of model '", source.model, "'");
        fail(Code::not_found, "kernel folder '", folder, "' has no program '", source.name, "'", whose, " (",
             key.brief(), "); ", how_to_make(source.model),
             ", with --precision, --dim and --shape as it runs here, and by this version of Shoal");
    }
    fail(Code::refused, "kernel folder '", folder, "' has program '", source.name, "' for ", others,
         ", this device is '", identity, "'");
}

std::optional<BuiltProgram> ProgramBuilder::State::from_cache(const ProgramSource& source,
                                                              const base::Digest& key) const {
    const auto file = cache.find(key, identity);
    if (!file) return std::nullopt;
    BuiltProgram out{load(*file, source.options), ProgramOrigin::cache};
    if (!out.program) {
        cache.erase(key, identity);
        return std::nullopt;
    }
    cache.touch(key, identity);
    return out;
}

std::string ProgramBuilder::State::how_to_make(const std::string& model) const {
    const auto folder = options.kernel_folder.empty() ? std::string("DIR") : options.kernel_folder.string();
    return base::text("run 'shoal kernels build MODEL --device ", device.info.id, " -o ", folder, "'",
                      model.empty() ? "" : base::text(" with the file of '", model, "'"));
}

void ProgramBuilder::State::check_kernel_folder() const {
    if (options.kernel_folder.empty() || kernels.serves(identity)) return;
    const auto folder = options.kernel_folder.string();
    std::string others;
    for (const auto& other : kernels.identities())
        others += (others.empty() ? "'" : ", '") + other + "'";
    if (others.empty()) fail(Code::not_found, "kernel folder '", folder, "' holds no program; ", how_to_make(""));
    fail(Code::refused, "kernel folder '", folder, "' was made for ", others, ", this device is '", identity, "'");
}

ProgramFile ProgramBuilder::State::file_of(const ProgramSource& source, const base::Digest& key,
                                           cl_program program) const {
    const std::lock_guard lock(compiler_mutex());  // asking for a binary may compile too
    return {key, identity, source.name, base::SharedBytes::own(binary_of(program))};
}

// A cache that cannot be written costs time at the next start, not this run.
void ProgramBuilder::State::keep(const ProgramSource& source, const base::Digest& key, cl_program program) const {
    if (!use_cache) return;
    const auto file = file_of(source, key, program);
    if (file.binary.empty()) return;
    try {
        cache.store(file);
        cache.trim(options.cache_limit_bytes);
    } catch (const base::Error& error) {
        base::log_warning("opencl", "compiled programs are not kept: ", error.what());
    }
}

void ProgramBuilder::State::keep_for_export(const ProgramSource& source, const base::Digest& key,
                                            cl_program program) const {
    check(clRetainProgram(program), "clRetainProgram", source.name);
    ProgramHandle own(program);
    const std::lock_guard lock(mutex);
    exports.try_emplace(key, Export{source, std::move(own)});
}

BuiltProgram ProgramBuilder::State::make(const ProgramSource& source) const {
    const base::Digest key = key_of(source);
    if (!options.kernel_folder.empty()) return from_kernel_folder(source, key);
    if (use_cache) {
        if (auto found = from_cache(source, key)) return std::move(*found);
    }
    BuiltProgram out = compile(source);
    if (options.export_folder.empty())
        keep(source, key, out.program.get());
    else
        keep_for_export(source, key, out.program.get());
    return out;
}

ProgramBuilder::ProgramBuilder(cl_context context, FoundDevice device, ProgramOptions options)
    : state_(std::make_unique<State>(context, std::move(device), std::move(options))) {}
ProgramBuilder::~ProgramBuilder() = default;
ProgramBuilder::ProgramBuilder(ProgramBuilder&&) noexcept = default;
ProgramBuilder& ProgramBuilder::operator=(ProgramBuilder&&) noexcept = default;

BuiltProgram ProgramBuilder::build(const ProgramSource& source) {
    const auto start = Clock::now();
    BuiltProgram out = state_->make(source);
    out.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const std::lock_guard lock(state_->mutex);
    auto& totals = state_->totals;
    totals.compiled += out.origin == ProgramOrigin::compiled;
    totals.from_cache += out.origin == ProgramOrigin::cache;
    totals.from_kernel_folder += out.origin == ProgramOrigin::kernel_folder;
    totals.seconds += out.seconds;
    return out;
}

void ProgramBuilder::check_kernel_folder() const {
    state_->check_kernel_folder();
}

ExportTotals ProgramBuilder::store_exports() {
    ExportTotals out;
    const std::lock_guard lock(state_->mutex);
    for (const auto& [key, entry] : state_->exports) {
        const auto file = state_->file_of(entry.source, key, entry.program.get());
        if (file.binary.empty()) {
            fail(Code::unsupported, "the driver of ", state_->device.info.name, " does not give out program binaries");
        }
        ProgramFolder(state_->options.export_folder).store(file);
        ++out.programs;
        out.bytes += file.binary.size();
    }
    return out;
}

BuildTotals ProgramBuilder::totals() const {
    const std::lock_guard lock(state_->mutex);
    return state_->totals;
}

}  // namespace shoal::opencl
