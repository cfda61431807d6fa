// The flags by which a command finds the hub and proves who it is, and the connection that they make.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/client.hpp"
#include "transport/keys.hpp"
#include "transport/port.hpp"

namespace CLI {
class App;
}

namespace shoal::cli {

struct KeyFlags {
    std::string key;                   ///< NAME of our pair; "": plaintext, on this machine alone
    std::vector<std::string> allowed;  ///< .pub files, folders of them, or lists
};
void add_key_flag(CLI::App& command, KeyFlags& flags);
void add_allow_flag(CLI::App& command, KeyFlags& flags, const std::string& whom);

/// A port with those keys that lets in whom the flags allow; the allow-list is null without keys.
struct OwnPort {
    std::unique_ptr<transport::Port> port;
    std::shared_ptr<transport::AllowList> allowed;
};
/// Throws UsageError for flags that contradict each other, and what loading keys throws.
/// `connections`: accepted at once; 0: as a port of a board or client takes.
[[nodiscard]] OwnPort open_port(const KeyFlags& flags, std::size_t connections = 0);

struct HubFlags {
    std::string hub;  ///< ENDPOINT, HOST or HOST:PORT
    std::string hub_key;
    KeyFlags keys;
    double connect_timeout_s = 5;
    double open_timeout_s = 120;  ///< for opening or planning a model, without progress
};
void add_hub_flags(CLI::App& command, HubFlags& flags, const std::string& what_for);
void add_open_timeout_flag(CLI::App& command, HubFlags& flags);
void add_connect_timeout_flag(CLI::App& command, HubFlags& flags);

/// "10.0.0.7" -> "tcp://10.0.0.7:7070". Throws UsageError when it is no endpoint.
[[nodiscard]] std::string endpoint_of(const std::string& text, std::string_view flag);

/// The public key that --hub-key names: a file, or the 40 characters themselves. Throws UsageError when one of --key
/// and --hub-key is given without the other.
[[nodiscard]] std::optional<transport::PublicKey> hub_key_of(const HubFlags& flags);

/// What the flags say of opening; a signal takes it back.
[[nodiscard]] client::OpenOptions open_options(const HubFlags& flags);

/// Throws what connecting throws, with what to look at.
[[nodiscard]] std::unique_ptr<client::Client> connect(const HubFlags& flags, const std::string& name);

/// "sending weights, 3 MiB of 7 MiB", "planning"
[[nodiscard]] std::string progress_text(const client::Progress& progress);

}  // namespace shoal::cli
