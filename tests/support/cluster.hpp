// A whole cluster in one process: a hub, boards with the host backend, clients, over in-process ports. Boards can lose
// power (cut), fall silent (mute), leave in good order and come back.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/client.hpp"
#include "hub/hub.hpp"
#include "node/node.hpp"
#include "runtime/backend.hpp"
#include "support/fragile_port.hpp"
#include "support/temporary_folder.hpp"
#include "transport/in_process.hpp"

namespace shoal::test {

struct ClusterBoard {
    std::string name;
    std::uint64_t memory_bytes = 0;                            ///< 0: what the device can use
    std::vector<std::shared_ptr<runtime::Backend>> devices{};  ///< none: the host
};

class Cluster {
public:
    explicit Cluster(const std::vector<ClusterBoard>& boards, hub::HubOptions options = {});
    ~Cluster();

    void start_hub();
    void stop_hub();
    [[nodiscard]] hub::Hub& hub() { return *hub_; }

    /// A new one, or one that was stopped or broken before.
    void start_board(const ClusterBoard& board);
    void stop_board(const std::string& name);  ///< in good order
    void break_board(const std::string& name, Break how);
    [[nodiscard]] node::NodeState board(const std::string& name) const;
    /// Until the hub has so many boards. Fails the test otherwise.
    void until_boards(std::size_t count);

    [[nodiscard]] std::unique_ptr<client::Client> client(const std::string& name = "client");
    [[nodiscard]] std::unique_ptr<transport::Port> port();
    [[nodiscard]] const std::string& endpoint() const noexcept { return endpoint_; }
    [[nodiscard]] std::vector<hub::Event> events() const;

private:
    struct Board {
        std::unique_ptr<node::Node> node{};
        BreakSwitch broken{};
    };

    std::shared_ptr<transport::InProcessNetwork> network_ = transport::make_in_process_network();
    TemporaryFolder folder_{};
    hub::HubOptions options_;
    std::string endpoint_ = "inproc://hub";
    mutable std::mutex mutex_{};
    std::vector<hub::Event> events_{};
    std::unique_ptr<hub::Hub> hub_{};
    std::map<std::string, Board> boards_{};
};

}  // namespace shoal::test
