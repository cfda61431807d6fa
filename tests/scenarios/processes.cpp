#include "scenarios/processes.hpp"

#include <signal.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "cli/command.hpp"
#include "transport/keys.hpp"

namespace shoal::test {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Line = platform::ChildProcess::Line;

void make_keys(const TemporaryFolder& folder, const std::string& name) {
    if (fs::exists(folder / (name + ".key"))) return;
    transport::Keys::generate().save(folder / name);
    fs::copy_file(folder / (name + ".pub"), folder / "allowed" / (name + ".pub"));
}

}  // namespace

// What it says goes to a file, since nobody empties a pipe while a test does something else; the pipe only tells the
// end.
Member::Member(const std::string& command)
    : process_(platform::ChildProcess::run(
          {"sh", "-c", "exec " + command + " 3>&1 >" + (folder_ / "said").string() + " 2>&1"})) {}

std::string Member::said() const {
    std::ifstream file(folder_ / "said");
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string Member::wait_for(const std::string& part, std::chrono::seconds patience) {
    const auto end = Clock::now() + patience;
    bool alive = true;
    while (alive && Clock::now() < end) {
        alive = process_.read_line(std::chrono::milliseconds(20)).kind != Line::Kind::end;
        std::istringstream lines(said());
        std::size_t count = 0;
        for (std::string line; std::getline(lines, line); ++count) {
            if (count < seen_ || lines.eof()) continue;  // the last may be half a line
            if (line.find(part) == std::string::npos) continue;
            seen_ = count + 1;
            return line;
        }
    }
    throw std::runtime_error("nothing like '" + part + "' in:\n" + said());
}

void Member::send(int signal) const {
    ::kill(process_.pid(), signal);
}

void Member::kill() {
    send(SIGKILL);
    process_.end();
}

std::string Member::stop() {
    process_.ask_to_end();
    const auto end = Clock::now() + std::chrono::seconds(10);
    while (Clock::now() < end && process_.read_line(std::chrono::milliseconds(20)).kind != Line::Kind::end) {}
    process_.end();
    return said();
}

Cluster::Cluster(ClusterFlags flags) : flags_(std::move(flags)) {
    fs::create_directory(folder_ / "allowed");
    if (flags_.keys) {
        make_keys(folder_, "hub");
        make_keys(folder_, "client");
    }
    start_hub();
}

Cluster::~Cluster() = default;

void Cluster::start_hub() {
    hub_.emplace(SHOAL_COMMAND " hub --listen " + endpoint_ + " --cache " + file("cache-hub") +
                 (flags_.keys ? " --key " + file("hub") + " --allow " + file("allowed") : "") + " " + flags_.hub_flags);
    const auto line = hub_->wait_for("listening on tcp://");
    const auto begin = line.find("tcp://") + 6;
    endpoint_ = line.substr(begin, line.find(',', begin) - begin);
}

void Cluster::stop_hub() {
    hub_->stop();
    hub_.reset();
}

void Cluster::kill_hub() {
    hub_->kill();
    hub_.reset();
}

void Cluster::start_board(const std::string& name, const std::string& memory, const std::string& more_flags) {
    std::string keys;
    if (flags_.keys) {
        make_keys(folder_, name);
        keys = " --key " + file(name) + " --hub-key " + file("hub.pub");
    }
    boards_.erase(name);
    auto& board =
        boards_
            .emplace(name, SHOAL_COMMAND " node --hub " + endpoint_ + " --name " + name + " --listen 127.0.0.1:*" +
                               " --memory " + memory + " --cache " + file("cache-" + name) + " --device " +
                               flags_.device + keys + " " + flags_.board_flags + " " + more_flags)
            .first->second;
    board.wait_for("joined");
}

void Cluster::kill_board(const std::string& name) {
    boards_.at(name).kill();
    boards_.erase(name);
}

std::string Cluster::client_flags() const {
    return "--hub " + endpoint_ + (flags_.keys ? " --key " + file("client") + " --hub-key " + file("hub.pub") : "");
}

nlohmann::json Cluster::status() const {
    const auto run = shoal_command("status --json " + client_flags());
    if (run.exit_code != 0) throw std::runtime_error("shoal status failed: " + run.error);
    return nlohmann::json::parse(run.out);
}

void Cluster::await_boards(std::size_t count) const {
    const auto end = Clock::now() + std::chrono::seconds(60);
    while (Clock::now() < end) {
        const auto now = status();
        std::size_t ready = 0;
        for (const auto& board : now["boards"])
            ready += board["state"] == "ready" ? 1U : 0U;
        if (ready == count) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    throw std::runtime_error("there are not " + std::to_string(count) + " boards: " + status().dump());
}

}  // namespace shoal::test
