#include "transport/keys.hpp"

#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <system_error>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/log.hpp"

namespace shoal::transport {

using base::Code;
using base::fail;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kTextLength = 40;  // Z85 of 32 bytes

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool is_key_text(std::string_view text) {
    constexpr std::string_view alphabet =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    return text.size() == kTextLength && text.find_first_not_of(alphabet) == std::string_view::npos;
}

// The name that both files of a pair have in common, whichever of them is given.
fs::path pair_name(const fs::path& file) {
    const auto ending = file.extension();
    return ending == ".key" || ending == ".pub" ? fs::path(file).replace_extension() : file;
}

fs::path with_suffix(const fs::path& name, const char* suffix) {
    return name.string() + suffix;
}

// `cure` for a file that is missing.
std::string read_file(const fs::path& path, const char* what, const char* cure) {
    std::error_code error;
    if (!fs::exists(path, error)) fail(Code::not_found, "there is no ", what, " at '", path.string(), "'; ", cure);
    return base::read_text(path);
}

// Both halves look alike: one that is taken for the other would be shown to the world.
void refuse_secret(const fs::path& path) {
    if (path.extension() == ".key") {
        fail(Code::invalid_argument, "'", path.string(), "' is a secret key; give the public one: '",
             fs::path(path).replace_extension(".pub").string(), "'");
    }
}

void expect_private(const fs::path& path) {
    std::error_code error;
    const auto permissions = fs::status(path, error).permissions();
    if (error) fail(Code::io, "cannot look at '", path.string(), "': ", error.message());
    if ((permissions & (fs::perms::group_all | fs::perms::others_all)) != fs::perms::none) {
        fail(Code::refused, "other users may use the secret key '", path.string(), "'; run: chmod 600 '", path.string(),
             "'");
    }
}

// What makes a file of a folder no key, and will the next time. Other failures pass, such as having no descriptors
// left: to go on without the file would cut off whom it lets in.
bool lasts(const fs::path& file, const base::Error& error) {
    if (error.code() != Code::io) return true;
    std::error_code ignored;
    return fs::is_directory(file, ignored) || (::access(file.c_str(), R_OK) != 0 && errno == EACCES);
}

PublicKey public_half(const std::string& secret) {
    std::array<char, kTextLength + 1> text{};
    if (zmq_curve_public(text.data(), secret.c_str()) != 0) fail(Code::invalid_argument, "not a secret key");
    return PublicKey::parse({text.data(), kTextLength});
}

}  // namespace

std::string PublicKey::text() const {
    std::array<char, kTextLength + 1> out{};
    zmq_z85_encode(out.data(), bytes.data(), bytes.size());
    return {out.data(), kTextLength};
}

PublicKey PublicKey::parse(std::string_view text) {
    PublicKey out;
    if (!is_key_text(text) || zmq_z85_decode(out.bytes.data(), std::string(text).c_str()) == nullptr)
        fail(Code::invalid_argument, "not a public key: '", text, "'; one has 40 characters of Z85");
    return out;
}

PublicKey PublicKey::load(const fs::path& given) {
    std::error_code ignored;
    const fs::path by_name = with_suffix(given, ".pub");
    const fs::path& file = !fs::exists(given, ignored) && fs::exists(by_name, ignored) ? by_name : given;
    refuse_secret(file);
    const std::string content =
        read_file(file, "public key", "copy the other side's .pub file there (of a hub service: /etc/shoal/hub.pub)");
    try {
        return parse(trimmed(content));
    } catch (const base::Error&) {
        fail(Code::invalid_argument, "'", file.string(), "' is not a public key: one line of 40 Z85 characters");
    }
}

Keys::Keys(std::string secret) : secret_(std::move(secret)), public_(public_half(secret_)) {}

Keys::~Keys() {
    ::explicit_bzero(secret_.data(), secret_.size());
}

Keys Keys::generate() {
    std::array<char, kTextLength + 1> open{}, secret{};
    if (zmq_curve_keypair(open.data(), secret.data()) != 0)
        fail(Code::unsupported, "this libzmq was built without CURVE; install one with it (Debian: libzmq5)");
    Keys out(std::string(secret.data(), kTextLength));
    ::explicit_bzero(secret.data(), secret.size());
    return out;
}

Keys Keys::load_secret(const fs::path& name) {
    const fs::path secret_path = with_suffix(name, ".key");
    std::string content = read_file(secret_path, "secret key", "'shoal keygen' makes one");
    expect_private(secret_path);
    std::string secret(trimmed(content));
    ::explicit_bzero(content.data(), content.size());
    if (!is_key_text(secret)) {
        fail(Code::invalid_argument, "'", secret_path.string(), "' is not a secret key: one line of 40 Z85 characters");
    }
    return Keys(std::move(secret));
}

Keys Keys::load(const fs::path& file) {
    const fs::path name = pair_name(file);
    const fs::path secret_path = with_suffix(name, ".key"), public_path = with_suffix(name, ".pub");
    Keys out = load_secret(name);
    std::error_code ignored;
    if (!fs::exists(public_path, ignored)) {
        fail(Code::not_found, "there is no '", public_path.string(), "' beside the secret key; 'shoal keygen ",
             name.string(), "' writes it anew");
    }
    if (PublicKey::load(public_path) != out.public_key()) {
        fail(Code::invalid_argument, "'", public_path.string(), "' is not the public half of '", secret_path.string(),
             "', which is ", out.public_key().text());
    }
    return out;
}

std::optional<Keys> Keys::complete(const fs::path& name) {
    const fs::path public_path = with_suffix(name, ".pub");
    std::error_code ignored;
    if (!fs::exists(with_suffix(name, ".key"), ignored) || fs::exists(public_path, ignored)) return std::nullopt;
    Keys out = load_secret(name);
    base::replace_file(public_path, out.public_.text() + "\n");
    return out;
}

void Keys::save(const fs::path& name) const {
    const fs::path secret_path = with_suffix(name, ".key"), public_path = with_suffix(name, ".pub");
    for (const auto& path : {secret_path, public_path}) {
        std::error_code error;
        if (fs::exists(path, error)) {
            fail(Code::refused, "'", path.string(), "' is there already; keys are not overwritten, move it away first");
        }
    }
    std::string line = secret_ + "\n";
    base::replace_file(secret_path, line, true);
    ::explicit_bzero(line.data(), line.size());
    base::replace_file(public_path, public_.text() + "\n");
}

void AllowList::add(const PublicKey& key, std::string name) {
    const std::lock_guard lock(mutex_);
    keys_[key] = std::move(name);
    version_.fetch_add(1, std::memory_order_release);
}

void AllowList::remove(const PublicKey& key) {
    const std::lock_guard lock(mutex_);
    if (keys_.erase(key) != 0) version_.fetch_add(1, std::memory_order_release);
}

bool AllowList::contains(const PublicKey& key) const {
    const std::lock_guard lock(mutex_);
    return keys_.count(key) != 0;
}

std::string AllowList::name(const PublicKey& key) const {
    const std::lock_guard lock(mutex_);
    const auto at = keys_.find(key);
    return at != keys_.end() ? at->second : std::string();
}

std::size_t AllowList::size() const {
    const std::lock_guard lock(mutex_);
    return keys_.size();
}

void AllowList::become(const AllowList& other) {
    if (this == &other) return;
    const std::scoped_lock lock(mutex_, other.mutex_);
    if (keys_ == other.keys_) return;
    keys_ = other.keys_;
    version_.fetch_add(1, std::memory_order_release);
}

void AllowList::load(const fs::path& path) {
    std::vector<std::string> left_out;
    load(path, left_out);
    for (const auto& line : left_out)
        base::log_warning("transport", line);
}

void AllowList::load(const fs::path& path, std::vector<std::string>& left_out) {
    std::error_code error;
    if (!fs::is_directory(path, error)) return load_what_is_good(path, left_out);
    std::vector<std::string> bad;
    if (load_folder(path, bad) == 0 && !bad.empty())
        fail(Code::invalid_argument, "no .pub file in '", path.string(), "' is an allowed key; ", bad.front());
    left_out.insert(left_out.end(), bad.begin(), bad.end());
}

std::size_t AllowList::load_folder(const fs::path& path, std::vector<std::string>& left_out) {
    std::error_code error;
    std::vector<fs::path> files;
    for (fs::directory_iterator at(path, error); !error && at != fs::directory_iterator(); at.increment(error)) {
        if (at->path().extension() == ".pub") files.push_back(at->path());
    }
    if (error) {
        fail(Code::io, "the folder of allowed keys '", path.string(), "' cannot be listed: ", error.message(),
             "; may this user read it?");
    }
    std::sort(files.begin(), files.end());
    std::size_t keys = 0;
    for (const auto& file : files) {
        try {
            add(PublicKey::load(file), file.stem().string());
            ++keys;
        } catch (const base::Error& problem) {
            if (!lasts(file, problem)) throw;
            left_out.push_back(base::text("left out of the allowed keys: ", problem.what()));
        }
    }
    return keys;
}

void AllowList::load_what_is_good(const fs::path& path, std::vector<std::string>& left_out) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
        static_cast<void>(load_folder(path, left_out));
        return;
    }
    if (fs::is_fifo(path, error)) {
        fail(Code::invalid_argument, "the list of allowed keys '", path.string(),
             "' is a pipe, which can be read only once; give a file");
    }
    if (path.extension() == ".pub") return add(PublicKey::load(path), path.stem().string());
    refuse_secret(path);
    if (!fs::exists(path, error)) {
        fail(Code::not_found, "there is no list of allowed keys at '", path.string(),
             "'; make a folder and copy the .pub files of boards and clients there");
    }

    std::istringstream lines(read_file(path, "list of allowed keys",
                                       "make it of the .pub files, or the lines KEY NAME, of those who may connect"));
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        const auto text = trimmed(line);
        const auto key = text.substr(0, text.find_first_of(" \t"));
        if (key.empty() || key == "#") continue;  // keys may begin with '#', so a comment needs a space behind it
        if (!is_key_text(key)) {
            fail(Code::invalid_argument, "'", path.string(), "' line ", number, ": '", key,
                 "' is not a public key of 40 Z85 characters");
        }
        add(PublicKey::parse(key), std::string(trimmed(text.substr(key.size()))));
    }
}

}  // namespace shoal::transport
