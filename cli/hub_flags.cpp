#include "cli/hub_flags.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "base/units.hpp"
#include "cli/frame.hpp"
#include "cli/messages.hpp"
#include "cli/signals.hpp"
#include "transport/endpoint.hpp"
#include "transport/zmq_port.hpp"

namespace shoal::cli {

using base::text;

void add_key_flag(CLI::App& command, KeyFlags& flags) {
    command
        .add_option("-k,--key", flags.key,
                    "This side's keys, as 'shoal keygen NAME' made them; without keys nothing leaves this machine")
        ->option_text("NAME")
        ->group("Keys");
}

void add_allow_flag(CLI::App& command, KeyFlags& flags, const std::string& whom) {
    command
        .add_option(
            "-a,--allow", flags.allowed,
            "Let in " + whom + ": a .pub file, a folder of them, or a list of 'KEY NAME' lines; may be repeated")
        ->option_text("PATH")
        ->group("Keys");
}

OwnPort open_port(const KeyFlags& flags, std::size_t connections) {
    OwnPort out;
    transport::PortOptions options;
    if (connections != 0) options.limits.connections = connections;
    if (flags.key.empty()) {
        if (!flags.allowed.empty())
            throw UsageError(
                "--allow needs --key: without keys nobody can prove who they are; make some with 'shoal keygen'");
    } else {
        options.keys = transport::Keys::load(flags.key);
        out.allowed = std::make_shared<transport::AllowList>();
        std::vector<std::string> left_out;  // AllowWatch finds and tells the same at its first look
        for (const auto& path : flags.allowed)
            out.allowed->load(path, left_out);
        options.allowed = out.allowed;
    }
    out.port = transport::make_zmq_port(std::move(options));
    return out;
}

void add_hub_flags(CLI::App& command, HubFlags& flags, const std::string& what_for) {
    command.add_option("--hub", flags.hub, what_for)->option_text("HOST[:PORT]")->group("Cluster");
    command.add_option("--hub-key", flags.hub_key, "The hub's public key: its .pub file or the key itself")
        ->option_text("FILE")
        ->group("Keys");
    add_key_flag(command, flags.keys);
}

void add_connect_timeout_flag(CLI::App& command, HubFlags& flags) {
    command
        .add_option("--connect-timeout", flags.connect_timeout_s,
                    "How long to wait for the hub to answer at all (default 5)")
        ->option_text("SECONDS")
        ->check(CLI::Range(0.001, 86400.0))
        ->group("Cluster");
}

void add_open_timeout_flag(CLI::App& command, HubFlags& flags) {
    command
        .add_option("--open-timeout", flags.open_timeout_s,
                    "How long opening a model may take without progress: sending, measuring, planning (default 120)")
        ->option_text("SECONDS")
        ->check(CLI::Range(0.001, 86400.0))
        ->group("Cluster");
}

std::string endpoint_of(const std::string& given, std::string_view flag) {
    try {
        return transport::hub_endpoint(given);
    } catch (const base::Error& error) {
        throw UsageError(text(flag, ": ", error.what()));
    }
}

std::optional<transport::PublicKey> hub_key_of(const HubFlags& flags) {
    if (flags.hub_key.empty() != flags.keys.key.empty()) {
        throw UsageError(flags.hub_key.empty()
                             ? "--key needs --hub-key, the hub's .pub file: both sides must know each other"
                             : "--hub-key needs --key, keys of our own: both sides must know each other");
    }
    if (flags.hub_key.empty()) return std::nullopt;
    constexpr std::size_t kKeyLength = 40;
    if (flags.hub_key.size() == kKeyLength && flags.hub_key.find(".pub") == std::string::npos)
        return transport::PublicKey::parse(flags.hub_key);
    return transport::PublicKey::load(flags.hub_key);
}

client::OpenOptions open_options(const HubFlags& flags) {
    client::OpenOptions out;
    out.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(flags.open_timeout_s * 1e3)));
    out.cancelled = [] { return signal_received() != 0; };
    return out;
}

std::unique_ptr<client::Client> connect(const HubFlags& flags, const std::string& name) {
    if (flags.hub.empty()) throw UsageError("--hub is missing: which hub? e.g. --hub 192.168.1.10");
    client::ClientOptions options;
    options.name = name;
    options.hub_endpoint = endpoint_of(flags.hub, "--hub");
    options.hub_key = hub_key_of(flags);
    options.connect_timeout = std::chrono::milliseconds(static_cast<std::int64_t>(flags.connect_timeout_s * 1e3));
    options.cancelled = [] { return signal_received() != 0; };
    const Progress progress("connecting to " + options.hub_endpoint);
    return std::make_unique<client::Client>(options, open_port(flags.keys).port);
}

std::string progress_text(const client::Progress& at) {
    if (at.phase == "weights") {
        return text("sending weights, ", base::format_bytes(at.done),
                    at.total > 0 ? " of " + base::format_bytes(at.total) : "");
    }
    return at.total > 0 ? text(at.phase, ", ", at.done, " of ", at.total) : at.phase;
}

}  // namespace shoal::cli
