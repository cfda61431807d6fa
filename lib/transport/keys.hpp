// CURVE keys: who a board is, and whom it lets in.
//
// On disk a key pair is NAME.key (the secret, mode 0600) and NAME.pub (hand this one to others), each one line of 40
// Z85 characters (ZeroMQ RFC 32). Keys are values; an AllowList may be used from any thread.
#pragma once

#include <array>
#include <atomic>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::transport {

/// The public half of a key pair: the identity of a peer.
struct PublicKey {
    std::array<std::uint8_t, 32> bytes{};

    auto operator<=>(const PublicKey&) const = default;
    /// 40 Z85 characters.
    [[nodiscard]] std::string text() const;

    /// Throws invalid_argument when `text` is not 40 Z85 characters.
    static PublicKey parse(std::string_view text);
    /// Reads NAME.pub, which may be given as NAME. Throws not_found, io or invalid_argument naming the file.
    static PublicKey load(const std::filesystem::path& given);
};

/// A key pair. The secret is wiped when it goes.
class Keys {
public:
    /// Fresh keys from the system's random source.
    static Keys generate();
    /// Reads NAME.key, and NAME.pub beside it, which must belong together. `file` may be NAME or NAME.key.
    /// Throws not_found, io, invalid_argument (not a key, halves that do not match) or refused (other users may read
    /// the secret), each naming the file.
    static Keys load(const std::filesystem::path& file);
    /// Writes NAME.pub anew where NAME.key stands alone, as after a loss of power while the pair was made; nothing is
    /// done and told otherwise. Throws as load() does.
    static std::optional<Keys> complete(const std::filesystem::path& name);
    /// Writes NAME.key and NAME.pub. Throws refused when either exists: keys are not overwritten.
    void save(const std::filesystem::path& name) const;

    [[nodiscard]] const PublicKey& public_key() const noexcept { return public_; }
    /// 40 Z85 characters; for the socket alone, never for a log.
    [[nodiscard]] const std::string& secret_text() const noexcept { return secret_; }

    Keys(const Keys&) = default;
    Keys(Keys&&) noexcept = default;
    Keys& operator=(const Keys&) = default;
    Keys& operator=(Keys&&) noexcept = default;
    ~Keys();

private:
    explicit Keys(std::string secret);
    static Keys load_secret(const std::filesystem::path& name);

    std::string secret_;
    PublicKey public_;
};

/// The public keys that a port lets in, each with the name it is known by. Starts empty: nobody.
class AllowList {
public:
    AllowList() = default;
    AllowList(const AllowList&) = delete;
    AllowList& operator=(const AllowList&) = delete;

    void add(const PublicKey& key, std::string name = {});
    void remove(const PublicKey& key);
    [[nodiscard]] bool contains(const PublicKey& key) const;
    /// "" when the key is unknown or has no name.
    [[nodiscard]] std::string name(const PublicKey& key) const;
    [[nodiscard]] std::size_t size() const;

    /// Adds what `path` holds: a NAME.pub file, a folder of them, or a text file of "KEY [name]" lines and
    /// "# comment" lines. Throws not_found, io or invalid_argument naming file and line.
    /// One bad file must not lock out all others: in a folder, .pub files that are no public keys or may not be read
    /// are left out, and told in the log; a folder where all of them are bad throws.
    void load(const std::filesystem::path& path);
    /// The same, but what is left out goes there, a line each, instead of into the log.
    void load(const std::filesystem::path& path, std::vector<std::string>& left_out);
    /// The same for who looks again and again: a folder where all are bad has no keys.
    void load_what_is_good(const std::filesystem::path& path, std::vector<std::string>& left_out);

    /// Has the same keys as `other` from now on; nothing changes, nor does version(), when it had them already.
    void become(const AllowList& other);

    /// Rises with every change; ports look at it to cut off those who are no longer listed.
    [[nodiscard]] std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

private:
    /// How many keys it has.
    [[nodiscard]] std::size_t load_folder(const std::filesystem::path& path, std::vector<std::string>& left_out);

    mutable std::mutex mutex_;
    std::map<PublicKey, std::string> keys_;
    std::atomic<std::uint64_t> version_{0};
};

}  // namespace shoal::transport
