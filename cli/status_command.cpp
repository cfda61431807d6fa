// shoal status: what a cluster does at this moment.
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "cli/commands.hpp"
#include "cli/hub_flags.hpp"
#include "cli/messages.hpp"
#include "cli/output.hpp"
#include "cli/signals.hpp"
#include "cli/status_text.hpp"

namespace shoal::cli {
namespace {

constexpr const char* kDetails =
    "Shows a hub's boards, their devices and memory, which stages of which models run where, requests per second, how "
    "long they take, and what the links carried.";
constexpr const char* kExamples =
    "shoal status\n"
    "shoal status --hub 192.168.1.10 --key me --hub-key hub.pub --watch\n"
    "shoal status --json | jq '.boards[].memory_used_bytes'";

struct StatusFlags {
    HubFlags hub{"127.0.0.1", {}, {}};
    double every_s = 1;
    std::uint64_t times = 0;
    bool watch = false, json = false;
};

void show(const wire::Status& status, const StatusFlags& flags) {
    const bool redraw = flags.watch && !flags.json && ::isatty(STDOUT_FILENO) == 1;
    if (flags.json) {
        // A line each while watching, so that a program can read them one by one.
        if (flags.watch)
            print(status_json(status).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
        else
            print_json(status_json(status));
    } else {
        print((redraw ? "\033[H\033[2J" : "") + status_text(status));
        if (flags.watch && !redraw) print("\n");
    }
    flush_output();
}

void rest(double seconds) {
    constexpr std::chrono::milliseconds kLook{50};
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (signal_received() == 0 && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(kLook);
}

Exit status(const StatusFlags& flags) {
    auto client = connect(flags.hub, "shoal status");
    for (std::uint64_t shown = 1;; ++shown) {
        std::optional<wire::Status> now;
        try {
            if (!client) client = connect(flags.hub, "shoal status");
            now = client->status();
        } catch (const base::Error& error) {
            check_signals();
            if (!flags.watch || error.code() == base::Code::refused) throw;
            say_warning(base::text(error.what(), "; watching for it"));
            client.reset();
        }
        if (now) show(*now, flags);
        if (!flags.watch || shown == flags.times) return Exit::ok;
        rest(flags.every_s);
        check_signals();
    }
}

}  // namespace

void add_status_command(Frame& frame) {
    const auto flags = std::make_shared<StatusFlags>();
    auto& command =
        frame.add({"status", "Show what a cluster does", kDetails, kExamples}, [flags] { return status(*flags); });
    add_hub_flags(command, flags->hub, "The hub to ask (default: the one on this machine)");
    add_connect_timeout_flag(command, flags->hub);
    command.add_flag("-w,--watch", flags->watch, "Show it again and again until Ctrl-C")->group("Report");
    command.add_option("--every", flags->every_s, "How often (default 1)")
        ->option_text("SECONDS")
        ->check(CLI::Range(0.05, 86400.0))
        ->group("Report");
    command.add_option("--times", flags->times, "End after so many times")->option_text("N")->group("Report");
    command.add_flag("--json", flags->json, "Print it as JSON, with --watch a line each")->group("Report");
}

}  // namespace shoal::cli
