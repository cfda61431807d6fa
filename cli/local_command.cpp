// shoal local: a hub and some boards as processes on this machine, for trying things.
#include <stdlib.h>
#include <CLI/CLI.hpp>
#include <filesystem>
#include <list>
#include <thread>

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
#include "platform/child_process.hpp"
#include "platform/memory.hpp"
#include "transport/keys.hpp"

namespace shoal::cli {
namespace {

namespace fs = std::filesystem;
using base::Code;
using base::fail;
using base::text;
using platform::ChildProcess;

constexpr const char* kDetails =
    "Starts a hub and boards as processes on this machine, each board with a limit of its own, so that a cluster can "
    "be "
    "tried without one. Everything is encrypted with keys made for the occasion. It runs until Ctrl-C, and everything "
    "ends with it. Board processes may be killed to see what happens.";
constexpr const char* kExamples =
    "shoal local --boards 3 --memory 1MiB,512KiB,256KiB\n"
    "shoal local --boards 2 --memory 64MiB --threads 1 --folder /tmp/cluster\n"
    "shoal run model.onnx --input x.npy --hub 127.0.0.1 --key /tmp/cluster/client \\\n"
    "    --hub-key /tmp/cluster/hub.pub";

struct LocalFlags {
    int boards = 3;
    std::string memory, listen = "127.0.0.1", folder;
    double timeout_s = 1;
    DeviceFlags device;
};

// An equal share of what this machine has, less an eighth for what is not theirs; one board sees for itself.
std::string equal_share(std::size_t boards) {
    const auto usable = platform::memory().usable_bytes();
    if (!usable || boards == 1) return "";
    return std::to_string(std::max<std::uint64_t>((*usable - *usable / 8) / boards >> 20, 1)) + "MiB";
}

// "1MiB,512KiB" for so many boards; one size counts for all of them.
std::vector<std::string> sizes(const LocalFlags& flags) {
    const auto count = static_cast<std::size_t>(flags.boards);
    if (flags.memory.empty()) return std::vector<std::string>(count, equal_share(count));
    auto out = split(flags.memory, ",");
    for (const auto& size : out)
        (void)memory_of(size, "--memory");
    if (out.size() == 1) out.resize(count, out[0]);
    if (out.size() != count) {
        throw UsageError(text("--memory: ", counted(static_cast<long long>(out.size()), "size"), " for ",
                              counted(flags.boards, "board"), "; give one for each, or one for all"));
    }
    return out;
}

// Keys, caches and the list of who may join; gone with the command unless it was named.
class ClusterFolder {
public:
    explicit ClusterFolder(const std::string& named) : keep_(!named.empty()) {
        if (keep_) {
            path_ = fs::absolute(named);
            std::error_code failed;
            fs::create_directories(path_, failed);
            if (failed) fail(Code::io, "cannot make the folder '", path_.string(), "': ", failed.message());
            return;
        }
        std::string pattern = (fs::temp_directory_path() / "shoal-local-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) fail(Code::io, "cannot make a folder like '", pattern, "'");
        path_ = pattern;
    }
    ~ClusterFolder() {
        std::error_code ignored;
        if (!keep_) fs::remove_all(path_, ignored);
    }
    ClusterFolder(const ClusterFolder&) = delete;
    ClusterFolder& operator=(const ClusterFolder&) = delete;

    [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

    // Kept keys serve again.
    void need_keys(const std::string& name) const {
        if (!fs::exists(file(name + ".key"))) transport::Keys::generate().save(file(name));
    }

private:
    fs::path path_;
    bool keep_;
};

// Its errors are heard too.
std::vector<std::string> with_errors(std::vector<std::string> command) {
    command.insert(command.begin(), {"sh", "-c", "exec \"$0\" \"$@\" 2>&1"});
    return command;
}

// A process of the cluster; what it says is said here, with its name in front.
class Member {
public:
    Member(std::string name, std::vector<std::string> command)
        : name_(std::move(name)), process_(ChildProcess::run(with_errors(std::move(command)))) {}

    // What it said, at most one line; false when it has ended.
    bool listen(const std::function<void(const std::string&)>& heard) {
        const auto line = process_.read_line(std::chrono::milliseconds(1));
        if (line.kind == ChildProcess::Line::Kind::end) return false;
        if (line.kind == ChildProcess::Line::Kind::text) heard(line.text);
        return true;
    }
    void ask_to_end() const noexcept { process_.ask_to_end(); }
    void await_end(std::chrono::steady_clock::time_point deadline) {
        while (std::chrono::steady_clock::now() < deadline &&
               process_.read_line(std::chrono::milliseconds(50)).kind != ChildProcess::Line::Kind::end) {}
    }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] long long process_id() const noexcept { return process_.pid(); }

private:
    std::string name_;
    ChildProcess process_;
};

std::string this_program() {
    std::error_code failed;
    const auto self = fs::read_symlink("/proc/self/exe", failed);
    if (failed) fail(Code::io, "cannot find this program to run it again: ", failed.message());
    return self.string();
}

std::vector<std::string> hub_command(const LocalFlags& flags, const ClusterFolder& folder) {
    return {this_program(),
            "hub",
            "--tied",
            "--listen",
            flags.listen,
            "--key",
            folder.file("hub"),
            "--allow",
            folder.file("allowed"),
            "--cache",
            folder.file("cache-hub"),
            "--timeout",
            number(flags.timeout_s, 6)};
}

std::vector<std::string> board_command(const LocalFlags& flags, const ClusterFolder& folder, const std::string& name,
                                       const std::string& memory, const std::string& hub) {
    std::vector<std::string> out{this_program(),
                                 "node",
                                 "--tied",
                                 "--hub",
                                 hub,
                                 "--hub-key",
                                 folder.file("hub.pub"),
                                 "--key",
                                 folder.file(name),
                                 "--name",
                                 name,
                                 "--cache",
                                 folder.file("cache-" + name),
                                 "--listen",
                                 "127.0.0.1:*",
                                 "--device",
                                 flags.device.device,
                                 "--patience",
                                 number(flags.device.patience_s, 9)};
    if (!memory.empty()) out.insert(out.end(), {"--memory", memory});
    if (flags.device.compact) out.emplace_back("--compact");
    if (!flags.device.kernel_class.empty()) out.insert(out.end(), {"--kernel-class", flags.device.kernel_class});
    if (flags.device.threads > 0) out.insert(out.end(), {"--threads", std::to_string(flags.device.threads)});
    return out;
}

// The time of day that the member put in front goes; announce() sets it.
std::string message_of(const std::string& line) {
    const auto at = line.find("  ");
    return at == std::string::npos ? line : line.substr(at + 2);
}

// Starts the hub and returns the endpoint that it listens on.
std::string start_hub(std::list<Member>& members, const LocalFlags& flags, const ClusterFolder& folder) {
    constexpr std::chrono::seconds kPatience{20};
    members.emplace_back("hub", hub_command(flags, folder));
    std::string endpoint;
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (endpoint.empty()) {
        check_signals();
        const bool alive = members.front().listen([&](const std::string& line) {
            const std::string message = message_of(line), wanted = "listening on ";
            announce("hub      " + message);
            if (message.rfind(wanted, 0) == 0)
                endpoint = message.substr(wanted.size(), message.find(',') - wanted.size());
        });
        if (!alive) fail(Code::unavailable, "the hub ended at once; see what it said above");
        if (std::chrono::steady_clock::now() > end) fail(Code::timeout, "the hub does not start to listen");
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return endpoint;
}

// Relays what the members say. What has ended once nothing is left that could serve, else "".
std::string relay(std::list<Member>& members) {
    for (auto member = members.begin(); member != members.end();) {
        if (member->listen(
                [&](const std::string& line) { announce(left(member->name(), 8) + " " + message_of(line)); })) {
            ++member;
            continue;
        }
        announce(member->name() + " has ended");
        if (member->name() == "hub") return "the hub";
        member = members.erase(member);
    }
    return members.size() > 1 ? "" : "every board";
}

void end_all(std::list<Member>& members) {
    for (const auto& member : members)
        member.ask_to_end();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    for (auto& member : members)
        member.await_end(deadline);
}

Exit local(const LocalFlags& flags) {
    const auto memory = sizes(flags);
    const ClusterFolder folder(flags.folder);
    set_dated();
    folder.need_keys("hub");
    folder.need_keys("client");
    std::vector<std::string> names;
    for (int i = 0; i < flags.boards; ++i) {
        names.push_back(text("board", i + 1));
        folder.need_keys(names.back());
    }
    std::error_code ignored;
    fs::create_directories(folder.file("allowed"), ignored);
    for (const auto& name : names)
        fs::copy_file(folder.file(name + ".pub"), folder.file("allowed/" + name + ".pub"),
                      fs::copy_options::overwrite_existing);
    fs::copy_file(folder.file("client.pub"), folder.file("allowed/client.pub"), fs::copy_options::overwrite_existing);

    std::list<Member> members;
    const std::string endpoint = start_hub(members, flags, folder);
    for (std::size_t i = 0; i < names.size(); ++i)
        members.emplace_back(names[i], board_command(flags, folder, names[i], memory[i], endpoint));
    for (const auto& member : members)
        announce(text(left(member.name(), 8), " process ", member.process_id()));
    flush_announcements();
    print(text("\nUse it from another terminal with these flags:\n  --hub ", endpoint.substr(endpoint.find("://") + 3),
               " --key ", folder.file("client"), " --hub-key ", folder.file("hub.pub"), "\n\n"));
    flush_output();
    std::string ended;
    serve_until_signal(
        {.status = "a cluster on this machine", .still_well = [&] { return (ended = relay(members)).empty(); }});
    end_all(members);
    flush_announcements();
    if (!ended.empty()) fail(Code::unavailable, ended, " has ended; see what was said above");
    return Exit::ok;
}

}  // namespace

void add_local_command(Frame& frame) {
    const auto flags = std::make_shared<LocalFlags>();
    auto& command = frame.add({"local", "Start a hub and boards on this machine", kDetails, kExamples},
                              [flags] { return local(*flags); });
    command.add_option("-b,--boards", flags->boards, "How many boards (default 3)")
        ->option_text("N")
        ->check(CLI::Range(1, 64))
        ->group("Cluster");
    command
        .add_option("-m,--memory", flags->memory,
                    "Each board's memory, or one size for all (default: equal shares of this machine's)")
        ->option_text("SIZE,SIZE,...")
        ->group("Cluster");
    command.add_option("-l,--listen", flags->listen, "Where the hub listens (default 127.0.0.1:7070)")
        ->option_text("HOST[:PORT]")
        ->group("Cluster");
    command.add_option("--timeout", flags->timeout_s, "A board that is silent for so long is lost (default 1)")
        ->option_text("SECONDS")
        ->check(CLI::Range(0.05, 600.0))
        ->group("Cluster");
    command.add_option("--folder", flags->folder, "Keep keys and caches here (default: a temporary folder)")
        ->option_text("DIR")
        ->group("Cluster");
    add_device_flags(command, flags->device);
}

}  // namespace shoal::cli
