// A cluster of real processes over real sockets, with keys, as a user starts it: a hub, boards that can be killed,
// stopped and continued at any moment, and clients.
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "platform/child_process.hpp"
#include "support/temporary_folder.hpp"

namespace shoal::test {

/// A member of the cluster: `shoal hub` or `shoal node`.
class Member {
public:
    explicit Member(const std::string& command);

    /// All that it said so far, on standard output and error.
    [[nodiscard]] std::string said() const;
    /// Waits for the next line that holds `part` and returns it; throws std::runtime_error with all that was said
    /// instead when it ends or says nothing like it for too long.
    std::string wait_for(const std::string& part, std::chrono::seconds patience = std::chrono::seconds(60));
    void send(int signal) const;
    /// kill -9, and gone.
    void kill();
    /// SIGTERM; waits until it has ended. Returns all that it ever said.
    std::string stop();
    [[nodiscard]] pid_t pid() const noexcept { return process_.pid(); }

private:
    TemporaryFolder folder_;
    std::size_t seen_ = 0;  // lines that were waited for
    platform::ChildProcess process_;
};

struct ClusterFlags {
    std::string device = "host";  ///< of every board
    std::string hub_flags;
    std::string board_flags;
    bool keys = true;
};

class Cluster {
public:
    explicit Cluster(ClusterFlags flags = {});
    ~Cluster();

    void start_hub();
    void stop_hub();
    void kill_hub();
    /// Starts a board and waits until the hub let it in.
    void start_board(const std::string& name, const std::string& memory, const std::string& more_flags = "");
    void kill_board(const std::string& name);
    [[nodiscard]] Member& board(const std::string& name) { return boards_.at(name); }
    [[nodiscard]] Member& hub() { return *hub_; }

    /// The flags of a client: --hub, and the keys.
    [[nodiscard]] std::string client_flags() const;
    [[nodiscard]] const std::string& endpoint() const noexcept { return endpoint_; }
    [[nodiscard]] std::string file(const std::string& name) const { return (folder_ / name).string(); }
    [[nodiscard]] nlohmann::json status() const;
    /// Waits until so many boards are ready.
    void await_boards(std::size_t count) const;

private:
    ClusterFlags flags_;
    TemporaryFolder folder_;
    std::string endpoint_ = "127.0.0.1:*";
    std::optional<Member> hub_;
    std::map<std::string, Member> boards_;
};

}  // namespace shoal::test
