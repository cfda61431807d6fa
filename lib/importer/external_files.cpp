#include "importer/external_files.hpp"

#include <algorithm>
#include <system_error>

#include "base/error.hpp"
#include "platform/files.hpp"

namespace shoal::importer {

using base::Code;
using base::fail;
namespace fs = std::filesystem;

namespace {

bool is_below(const fs::path& path, const fs::path& folder) {
    const auto relative = path.lexically_relative(folder);
    return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

base::SharedBytes map_shared(const fs::path& path) {
    try {
        auto mapped = platform::map_file(path);
        return {std::move(mapped.owner), mapped.bytes};
    } catch (const std::system_error& error) {
        fail(error.code() == std::errc::no_such_file_or_directory ? Code::not_found : Code::io, error.what());
    }
}

fs::path ExternalFiles::find(const std::string& location, const std::string& who) const {
    const fs::path relative(location);
    const bool climbs = std::find(relative.begin(), relative.end(), "..") != relative.end();
    if (location.empty() || relative.is_absolute() || climbs || location.find('\0') != std::string::npos) {
        fail(Code::invalid_model, who, ": external data '", location, "' is not a plain relative path");
    }
    if (folders_.empty()) {
        fail(Code::invalid_model, who, ": its data lies in the file '", location,
             "', but this model was not read from a folder");
    }
    std::error_code ignored;
    for (const fs::path& folder : folders_) {
        const fs::path real = fs::canonical(folder / relative, ignored);
        if (ignored) continue;
        // A link may lead elsewhere in these folders (download caches do that), but not out of them.
        const bool inside = std::any_of(folders_.begin(), folders_.end(), [&](const fs::path& allowed) {
            std::error_code failed;
            const fs::path root = fs::canonical(allowed, failed);
            return !failed && is_below(real, root);
        });
        if (!inside) {
            fail(Code::invalid_model, who, ": external data '", location, "' leads out of the model's folder, to ",
                 real.string());
        }
        if (!fs::is_regular_file(real, ignored)) fail(Code::invalid_model, who, ": '", location, "' is no plain file");
        return real;
    }
    fail(Code::not_found, who, ": there is no file '", location, "' beside the model, in ", folders_[0].string());
}

base::SharedBytes ExternalFiles::read(const std::string& location, std::uint64_t offset, std::uint64_t length,
                                      const std::string& who) {
    const fs::path path = find(location, who);
    auto at = mapped_.find(path);
    if (at == mapped_.end()) at = mapped_.emplace(path, map_shared(path)).first;
    const std::uint64_t size = at->second.size();
    if (offset > size || length > size - offset) {
        fail(Code::invalid_model, who, ": wants ", length, " bytes from ", offset, " on of '", location,
             "', which has ", size);
    }
    return at->second.slice(offset, length);
}

}  // namespace shoal::importer
