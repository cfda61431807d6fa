// shoal node: offers this board's devices to a hub.
#include <CLI/CLI.hpp>

#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/device_flags.hpp"
#include "cli/flag_values.hpp"
#include "cli/hub_flags.hpp"
#include "cli/messages.hpp"
#include "cli/output.hpp"
#include "cli/service.hpp"
#include "cli/signals.hpp"
#include "cli/text.hpp"
#include "node/node.hpp"
#include "platform/board.hpp"
#include "platform/files.hpp"

namespace shoal::cli {
namespace {

using base::text;

constexpr const char* kDetails =
    "Registers this board with a hub: its devices, what they reach, and how much memory it gives. It runs what the hub "
    "sends it and hands results on to the next board. When the hub goes away, it waits for it to come back. It runs "
    "until Ctrl-C.";
constexpr const char* kExamples =
    "shoal node --hub 127.0.0.1 --memory 64MiB\n"
    "shoal node --hub 192.168.1.10 --key keys/kitchen --hub-key keys/hub.pub\n"
    "shoal node --hub 192.168.1.10 --key pi --hub-key hub.pub --device gpu --device cpu\n"
    "shoal node --hub 127.0.0.1 --device cpu/2\n"
    "shoal node --hub 127.0.0.1 --device fpga --kernels /opt/kernels";

struct NodeFlags {
    bool tied = false;
    std::string name, memory, listen, cache;
    HubFlags hub;
    DeviceFlags device;
    std::vector<std::string> devices;
};

std::string words(node::Event::Kind kind) {
    using Kind = node::Event::Kind;
    switch (kind) {
        case Kind::listening: return "listening on";
        case Kind::hub_absent:
            return "no hub answers yet (is one running there, and is the key its own?), waiting for it:";
        case Kind::joined: return "joined";
        case Kind::hub_lost: return "hub lost:";
        case Kind::refused: return "refused by the hub:";
        case Kind::stage_ready: return "ready:";
        case Kind::stage_failed: return "failed:";
        case Kind::stage_dropped: return "dropped:";
    }
    return "";
}

base::LogLevel level(node::Event::Kind kind) {
    using Kind = node::Event::Kind;
    const bool bad =
        kind == Kind::hub_absent || kind == Kind::hub_lost || kind == Kind::refused || kind == Kind::stage_failed;
    return bad ? base::LogLevel::warning : base::LogLevel::info;
}

node::NodeOptions options_of(const NodeFlags& flags) {
    node::NodeOptions out;
    const auto board = platform::board();
    out.board = !flags.name.empty() ? flags.name : !board.host_name.empty() ? board.host_name : "board";
    if (out.board.find_first_of("/\\") != std::string::npos || out.board.front() == '.')
        throw UsageError(text("--name: '", out.board, "' names folders too; leave out '/' and a '.' in front"));
    if (flags.hub.hub.empty()) throw UsageError("--hub is missing: which hub? e.g. --hub 192.168.1.10");
    out.hub_endpoint = endpoint_of(flags.hub.hub, "--hub");
    out.hub_key = hub_key_of(flags.hub);
    out.data_endpoint = !flags.listen.empty()     ? endpoint_of(flags.listen, "--listen")
                        : out.hub_key.has_value() ? "tcp://*:*"
                                                  : "tcp://127.0.0.1:*";
    if (!flags.memory.empty()) out.memory_limit_bytes = memory_of(flags.memory, "--memory");
    out.cache_folder =
        flags.cache.empty() ? platform::cache_folder() / ("node-" + out.board) : std::filesystem::path(flags.cache);
    if (board.model) out.facts.emplace_back("board.model", *board.model);
    if (board.system) out.facts.emplace_back("board.system", *board.system);
    out.facts.emplace_back("board.architecture", board.architecture);
    out.cancelled = [] { return signal_received() != 0; };
    out.on_event = [](const node::Event& event) { announce(words(event.kind) + " " + event.text, level(event.kind)); };
    return out;
}

// What was asked for, as far as the devices have it.
std::uint64_t offered_memory(std::uint64_t asked, const std::vector<std::shared_ptr<runtime::Backend>>& devices) {
    const std::uint64_t usable = node::usable_bytes(devices);
    if (usable == 0 || asked <= usable) return asked;
    say_warning(text("--memory ", base::format_bytes(asked), " is more than the ", base::format_bytes(usable),
                     " that can be used here; offering those"));
    return usable;
}

Exit serve(const NodeFlags& flags) {
    if (flags.tied) end_with_parent();
    auto options = options_of(flags);
    auto own = open_port(flags.hub.keys);
    const auto devices = open_devices(flags.device, flags.devices);
    std::vector<std::shared_ptr<runtime::Backend>> backends;
    std::vector<std::string> names;
    for (const auto& device : devices) {
        backends.push_back(device.backend);
        names.push_back(device.info().name);
    }
    options.memory_limit_bytes = offered_memory(options.memory_limit_bytes, backends);
    set_dated();
    node::Node node(options, std::move(backends), std::move(own.port), own.allowed);
    announce(text("board ", options.board, devices.size() == 1 ? ", device " : ", devices ", devices_text(devices),
                  ", memory ", base::format_bytes(node.state().memory_limit_bytes)));
    {
        const Progress progress("measuring " + joined(names));
        node.start();
    }
    const std::string offer = "offering " + joined(names);
    serve_until_signal({.status = offer, .turns = [&] { return node.state().turns; }});
    announce("stopping");
    node.stop();
    const auto state = node.state();
    announce(text("memory peak ", base::format_bytes(state.memory_peak_bytes), " of ",
                  base::format_bytes(state.memory_limit_bytes), ", ",
                  counted(static_cast<long long>(state.runs), "run")));
    flush_announcements();
    return Exit::ok;
}

}  // namespace

void add_node_command(Frame& frame) {
    const auto flags = std::make_shared<NodeFlags>();
    auto& command =
        frame.add({"node", "Offer this board to a hub", kDetails, kExamples}, [flags] { return serve(*flags); });
    add_hub_flags(command, flags->hub, "The hub to serve");
    command.add_option("--name", flags->name, "What the cluster calls this board (default: this machine's name)")
        ->option_text("NAME")
        ->group("Cluster");
    command
        .add_option("-m,--memory", flags->memory,
                    "Use at most so much for weights, activations and messages, on all devices together (default: what "
                    "they can use)")
        ->option_text("SIZE")
        ->group("Cluster");
    command
        .add_option("-l,--listen", flags->listen,
                    "Where other boards reach this one (default: any free port, of every address with keys)")
        ->option_text("HOST[:PORT]")
        ->group("Cluster");
    command.add_option("--cache", flags->cache, "Where weights are kept (default ~/.cache/shoal/node-NAME)")
        ->option_text("DIR")
        ->group("Cluster");
    add_tied_flag(command, flags->tied);
    add_devices_flags(command, flags->device, flags->devices, "What to offer");
    add_kernels_flag(command, flags->device);
}

}  // namespace shoal::cli
