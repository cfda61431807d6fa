#include "local/shared_devices.hpp"

#include <thread>

#include "hub/hub.hpp"
#include "node/node.hpp"
#include "platform/files.hpp"
#include "transport/in_process.hpp"

namespace shoal::local {
namespace {

using base::Code;
using base::fail;
using std::chrono::milliseconds;

constexpr const char* kHub = "inproc://hub";
// Nothing gets lost inside a process. What is silent for long computes, or waits for a processor.
constexpr std::chrono::seconds kSilence{30};
constexpr std::chrono::seconds kJoinPatience{30};
constexpr milliseconds kLook{2};

hub::HubOptions hub_options(const std::filesystem::path& folder) {
    hub::HubOptions out;
    out.name = "this machine";
    out.endpoints = {kHub};
    out.cache_folder = folder / "weights";  // the board's too: nothing is written twice
    out.board_timeout = kSilence;
    out.settle = milliseconds(0);  // the only board is there
    return out;
}

node::NodeOptions node_options(const std::filesystem::path& folder, const SharingOptions& options) {
    node::NodeOptions out;
    out.board = kBoard;
    out.hub_endpoint = kHub;
    out.data_endpoint = "inproc://*";
    out.memory_limit_bytes = options.memory_limit_bytes;
    out.cache_folder = folder;
    out.cancelled = options.cancelled;
    return out;
}

client::ClientOptions client_options(const SharingOptions& options) {
    client::ClientOptions out;
    out.hub_endpoint = kHub;
    out.connect_timeout = std::chrono::duration_cast<milliseconds>(kJoinPatience);
    out.cancelled = options.cancelled;
    return out;
}

// Ends from below: the client, then the board, then the hub.
class Shared {
public:
    Shared(std::vector<std::shared_ptr<runtime::Backend>> devices, const SharingOptions& options)
        : Shared(std::move(devices), options,
                 options.cache_folder.empty() ? platform::cache_folder() / "devices" : options.cache_folder) {}

    [[nodiscard]] client::Client& client() { return *client_; }

private:
    Shared(std::vector<std::shared_ptr<runtime::Backend>> devices, const SharingOptions& options,
           const std::filesystem::path& folder)
        : hub_(hub_options(folder), port()), node_(node_options(folder, options), std::move(devices), port()) {
        static_cast<void>(hub_.start());
        node_.start();
        wait_until_joined(options);
        client_ = std::make_unique<client::Client>(client_options(options), port());
    }

    [[nodiscard]] std::unique_ptr<transport::Port> port() const { return transport::make_in_process_port(network_); }

    void wait_until_joined(const SharingOptions& options) const {
        const auto deadline = base::deadline_in(kJoinPatience);
        while (!node_.state().joined) {
            if (options.cancelled && options.cancelled()) fail(Code::cancelled, "starting was cancelled");
            if (base::SteadyClock::now() >= deadline)
                fail(Code::timeout, "the devices were not ready within ", kJoinPatience.count(), " s");
            std::this_thread::sleep_for(kLook);
        }
    }

    std::shared_ptr<transport::InProcessNetwork> network_ = transport::make_in_process_network();
    hub::Hub hub_;
    node::Node node_;
    std::unique_ptr<client::Client> client_;
};

}  // namespace

std::shared_ptr<client::Client> share_devices(std::vector<std::shared_ptr<runtime::Backend>> devices,
                                              const SharingOptions& options) {
    const auto shared = std::make_shared<Shared>(std::move(devices), options);
    return {shared, &shared->client()};
}

}  // namespace shoal::local
