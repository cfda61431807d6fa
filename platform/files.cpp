#include "platform/files.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <system_error>

#include "platform/new_file.hpp"

namespace shoal::platform {
namespace {

// Of what does not state its size: a device may never end.
constexpr std::size_t kLongestStream = 16U << 20;

[[noreturn]] void fail(const std::string& what, const std::filesystem::path& path) {
    throw std::system_error(errno, std::generic_category(), what + " '" + path.string() + "'");
}

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const noexcept { return fd_; }

private:
    int fd_;
};

std::filesystem::path temporary_beside(const std::filesystem::path& path) {
    static std::atomic<unsigned> counter{0};  // several threads may replace the same file
    return path.string() + ".new." + std::to_string(::getpid()) + "." + std::to_string(counter++);
}

// How a mapping ends; by it a pointer is known to own one.
struct Unmap {
    std::size_t size;
    void operator()(const void* memory) const noexcept { ::munmap(const_cast<void*>(memory), size); }
};

// Nobody but root and this user can put another folder in this one's place: whoever owns a folder above may, and so may
// anybody in one that everybody may write to, unless it is sticky (as /tmp is).
bool is_safe_below(const std::filesystem::path& path) {
    const auto whole = std::filesystem::canonical(path);
    for (auto above = whole.parent_path();; above = above.parent_path()) {
        struct stat status {};
        if (::stat(above.c_str(), &status) != 0) fail("cannot look at folder", above);
        const bool is_open = (status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0;
        if ((status.st_uid != 0 && status.st_uid != ::geteuid()) || is_open) return false;
        if (above == above.parent_path()) return true;
    }
}

}  // namespace

MappedFile map_file(const std::filesystem::path& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) fail("cannot open", path);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) fail("cannot read the size of", path);
    if (S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        fail("cannot read", path);
    }
    const auto size = static_cast<std::size_t>(status.st_size);
    if (static_cast<std::uintmax_t>(size) != static_cast<std::uintmax_t>(status.st_size)) {
        errno = EFBIG;  // does not fit a 32-bit board's addresses
        fail("cannot map", path);
    }
    if (size == 0) return {};
    void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (memory == MAP_FAILED) fail("cannot map", path);
    std::shared_ptr<const void> owner(memory, Unmap{size});
    return {owner, {static_cast<const std::byte*>(memory), size}};
}

void forget_pages(const std::shared_ptr<const void>& owner, std::span<const std::byte> bytes) noexcept {
    if (std::get_deleter<Unmap>(owner) == nullptr) return;  // other memory would come back as zeros
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
    const std::uintptr_t first = (begin + page - 1) / page * page, last = (begin + bytes.size()) / page * page;
    if (first < last) (void)::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

void replace_file(const std::filesystem::path& path, std::span<const std::byte> bytes, bool owner_only) {
    NewFile file(temporary_beside(path), owner_only);
    file.write(bytes);
    file.publish(path);
}

void replace_file(const std::filesystem::path& path, std::string_view text, bool owner_only) {
    replace_file(path, std::as_bytes(std::span(text.data(), text.size())), owner_only);
}

std::string read_text(const std::filesystem::path& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) fail("cannot open", path);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) fail("cannot read the size of", path);
    const std::size_t stated = S_ISREG(status.st_mode) ? static_cast<std::size_t>(status.st_size) : 0;
    const std::size_t most = std::max(stated, kLongestStream);
    // Read in place: a key's secret is to stay in the one buffer that its reader wipes.
    std::string text(std::max<std::size_t>(stated + 1, 4096), '\0');
    std::size_t used = 0;
    while (true) {
        const ssize_t count = ::read(file.get(), text.data() + used, text.size() - used);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail("cannot read", path);
        if (count == 0) break;
        used += static_cast<std::size_t>(count);
        if (used > most) {
            errno = EFBIG;
            fail("cannot read", path);
        }
        if (used == text.size()) text.resize(2 * used);
    }
    text.resize(used);
    return text;
}

bool make_private_folder(const std::filesystem::path& path) {
    if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) fail("cannot create folder", path);
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) fail("cannot look at folder", path);
    if (!S_ISDIR(status.st_mode)) {
        errno = ENOTDIR;
        fail("cannot use as a folder", path);
    }
    return status.st_uid == ::geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 && is_safe_below(path);
}

std::filesystem::path cache_folder() {
    const auto variable = [](const char* name) -> std::filesystem::path {
        const char* value = std::getenv(name);
        return value != nullptr ? value : "";
    };
    if (const auto own = variable("SHOAL_CACHE"); !own.empty()) return own;
    if (const auto xdg = variable("XDG_CACHE_HOME"); !xdg.empty()) return xdg / "shoal";
    if (const auto home = variable("HOME"); !home.empty()) return home / ".cache" / "shoal";
    return std::filesystem::temp_directory_path() / ("shoal-" + std::to_string(::getuid()));
}

}  // namespace shoal::platform
