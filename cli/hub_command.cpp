// shoal hub: the board that plans, merges and answers.
#include <CLI/CLI.hpp>

#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/flag_values.hpp"
#include "cli/hub_flags.hpp"
#include "cli/messages.hpp"
#include "cli/output.hpp"
#include "cli/service.hpp"
#include "cli/text.hpp"
#include "hub/hub.hpp"
#include "platform/board.hpp"
#include "platform/files.hpp"
#include "transport/allow_watch.hpp"
#include "transport/endpoint.hpp"

namespace shoal::cli {
namespace {

using base::text;

constexpr const char* kDetails =
    "Boards ('shoal node') and clients ('shoal run --hub') connect here. The hub measures links, plans each model onto "
    "the boards, sends them its weights once, keeps every request until it is answered, and repeats it elsewhere when "
    "a board is lost. It runs until Ctrl-C.\n\n"
    "With --key everything is encrypted and only those whom --allow names are let in; keys may be added and taken away "
    "while it runs. Without keys it serves this machine alone.";
constexpr const char* kExamples =
    "shoal hub\n"
    "shoal hub --key keys/hub --allow keys/\n"
    "shoal hub --listen tcp://0.0.0.0:7070 --key hub --allow allowed.txt";

struct HubCommandFlags {
    bool tied = false;
    std::vector<std::string> listen;
    std::string name, cache;
    KeyFlags keys;
    double timeout_s = 1;
    std::size_t requests = 0;
    std::string request_memory;
};

std::string words(hub::Event::Kind kind) {
    using Kind = hub::Event::Kind;
    switch (kind) {
        case Kind::board_joined: return "board joined";
        case Kind::board_lost: return "board lost";
        case Kind::planned: return "planned";
        case Kind::replanned: return "planned again";
        case Kind::model_failed: return "model failed";
        case Kind::client_joined: return "client joined";
        case Kind::client_left: return "client left";
    }
    return "";
}

base::LogLevel level(hub::Event::Kind kind) {
    using Kind = hub::Event::Kind;
    const bool bad = kind == Kind::board_lost || kind == Kind::model_failed;
    return bad ? base::LogLevel::warning : base::LogLevel::info;
}

hub::HubOptions options_of(const HubCommandFlags& flags) {
    hub::HubOptions out;
    out.name = flags.name.empty() ? platform::board().host_name : flags.name;
    if (out.name.empty()) out.name = "hub";
    out.endpoints.clear();
    for (const auto& endpoint : flags.listen)
        out.endpoints.push_back(endpoint_of(endpoint, "--listen"));
    if (out.endpoints.empty())
        out.endpoints.push_back(text("tcp://", flags.keys.key.empty() ? "127.0.0.1" : "*", ':', transport::kHubPort));
    out.cache_folder = flags.cache.empty() ? platform::cache_folder() / "hub" : std::filesystem::path(flags.cache);
    out.board_timeout = std::chrono::milliseconds(static_cast<std::int64_t>(flags.timeout_s * 1e3));
    out.heartbeat = std::min(out.heartbeat, out.board_timeout / 4);
    if (flags.requests > 0) out.limits.requests = flags.requests;
    if (!flags.request_memory.empty()) out.limits.request_bytes = size_of(flags.request_memory, "--request-memory");
    out.on_event = [](const hub::Event& event) {
        announce(text(words(event.kind), event.subject.empty() ? "" : " " + event.subject,
                      event.text.empty() ? "" : ": " + event.text),
                 level(event.kind));
    };
    return out;
}

Exit serve(const HubCommandFlags& flags) {
    if (flags.tied) end_with_parent();
    const auto options = options_of(flags);
    auto own = open_port(flags.keys, options.limits.connections());
    if (own.allowed && flags.keys.allowed.empty())
        throw UsageError("--allow is missing: with keys nobody is let in but those it names, e.g. --allow keys/");
    if (own.allowed && own.allowed->size() == 0) say_warning("nobody is let in yet: --allow names no key so far");
    set_dated();
    hub::Hub hub(options, std::move(own.port), own.allowed);
    for (const auto& endpoint : hub.start())
        announce("listening on " + endpoint +
                 (flags.keys.key.empty() ? ", plaintext, this machine alone" : ", encrypted"));
    transport::AllowWatch allowed({flags.keys.allowed.begin(), flags.keys.allowed.end()}, own.allowed);
    const auto look = [&] {
        for (const auto& problem : allowed.look())
            say_warning(problem);
        return true;
    };
    serve_until_signal({.status = "serving", .still_well = look, .turns = [&] { return hub.turns(); }});
    announce("stopping");
    hub.stop();
    flush_announcements();
    return Exit::ok;
}

}  // namespace

void add_hub_command(Frame& frame) {
    const auto flags = std::make_shared<HubCommandFlags>();
    auto& command =
        frame.add({"hub", "Serve as the hub of a cluster", kDetails, kExamples}, [flags] { return serve(*flags); });
    command
        .add_option("-l,--listen", flags->listen,
                    "Where to listen, HOST[:PORT] or an endpoint; may be repeated (default: port 7070 of every address "
                    "with keys, of 127.0.0.1 without)")
        ->option_text("HOST[:PORT]")
        ->group("Cluster");
    command.add_option("--name", flags->name, "What status calls this hub (default: this machine's name)")
        ->option_text("NAME")
        ->group("Cluster");
    command
        .add_option("--timeout", flags->timeout_s,
                    "A board that is silent or hangs for so long is lost, and what it had is planned anew (default 1)")
        ->option_text("SECONDS")
        ->check(CLI::Range(0.05, 600.0))
        ->group("Cluster");
    command
        .add_option("--max-requests", flags->requests,
                    "Requests that may wait or run at a time; more are refused as busy (default 256)")
        ->option_text("N")
        ->check(CLI::Range(1, 1'000'000))
        ->group("Cluster");
    command
        .add_option("--request-memory", flags->request_memory,
                    "Memory for the inputs of those requests (default 256MiB)")
        ->option_text("SIZE")
        ->group("Cluster");
    command.add_option("--cache", flags->cache, "Where models' weights are kept (default ~/.cache/shoal/hub)")
        ->option_text("DIR")
        ->group("Cluster");
    add_tied_flag(command, flags->tied);
    add_key_flag(command, flags->keys);
    add_allow_flag(command, flags->keys, "the boards and clients of");
}

}  // namespace shoal::cli
