#include "opencl/program_folder.hpp"

#include <algorithm>
#include <set>
#include <system_error>

#include "base/error.hpp"
#include "base/file.hpp"

namespace shoal::opencl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSuffix = ".program";
constexpr std::chrono::hours kForgotten{1};  // no write takes that long: its process is gone

std::optional<ProgramFile> read(const fs::path& path) {
    try {
        return decode_program_file(base::map_file(path));
    } catch (const base::Error&) {
        return std::nullopt;
    }
}

// How the names of a device's programs end.
std::string ending_of(const std::string& identity) {
    return "-" + base::Digest::of(identity).hex().substr(0, 16) + kSuffix;
}

struct Entry {
    fs::file_time_type used;
    std::uint64_t size;
    fs::path path;
};

}  // namespace

fs::path ProgramFolder::path_of(const base::Digest& key, const std::string& identity) const {
    return folder_ / (key.hex() + ending_of(identity));
}

bool ProgramFolder::serves(const std::string& identity) const {
    const std::string ending = ending_of(identity);
    std::error_code error;
    for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
        const std::string name = at->path().filename().string();
        if (name.size() > ending.size() && name.compare(name.size() - ending.size(), ending.size(), ending) == 0)
            return true;
    }
    return false;
}

std::vector<std::string> ProgramFolder::identities() const {
    std::set<std::string> out;
    std::error_code error;
    for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
        if (at->path().extension() != kSuffix) continue;
        if (const auto file = read(at->path())) out.insert(file->identity);
    }
    return {out.begin(), out.end()};
}

std::optional<ProgramFile> ProgramFolder::find(const base::Digest& key, const std::string& identity) const {
    auto file = read(path_of(key, identity));
    if (!file || file->key != key || file->identity != identity) return std::nullopt;
    return file;
}

std::vector<std::string> ProgramFolder::identities_of(const base::Digest& key) const {
    std::vector<std::string> out;
    std::error_code error;
    for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
        if (at->path().filename().string().rfind(key.hex() + "-", 0) != 0) continue;
        if (const auto file = read(at->path()); file && file->key == key) out.push_back(file->identity);
    }
    std::sort(out.begin(), out.end());
    return out;
}

void ProgramFolder::store(const ProgramFile& file) const {
    base::make_folder(folder_);
    base::replace_file(path_of(file.key, file.identity), encode(file));
}

void ProgramFolder::touch(const base::Digest& key, const std::string& identity) const noexcept {
    try {
        fs::last_write_time(path_of(key, identity), fs::file_time_type::clock::now());
    } catch (...) {  // a read-only folder: its programs are not evicted either
    }
}

void ProgramFolder::erase(const base::Digest& key, const std::string& identity) const noexcept {
    try {
        fs::remove(path_of(key, identity));
    } catch (...) {}
}

void ProgramFolder::trim(std::uint64_t limit_bytes) const noexcept {
    try {
        const auto now = fs::file_time_type::clock::now();
        std::vector<Entry> entries;
        std::uint64_t total = 0;
        for (const auto& item : fs::directory_iterator(folder_)) {
            std::error_code gone;  // other processes trim too
            const Entry entry{item.last_write_time(gone), item.file_size(gone), item.path()};
            if (gone) continue;
            if (entry.path.extension() == kSuffix) {
                total += entry.size;
                entries.push_back(entry);
            } else if (now - entry.used > kForgotten) {
                fs::remove(entry.path, gone);
            }
        }
        std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.used < b.used; });
        for (const auto& entry : entries) {
            if (total <= limit_bytes) return;
            std::error_code gone;
            fs::remove(entry.path, gone);
            total -= entry.size;
        }
    } catch (...) {  // trimming is a courtesy; the next store tries again
    }
}

}  // namespace shoal::opencl
