// A hub that does as the test says, on a thread of its own over the in-process network: it pulls weights, opens models,
// answers with what the model makes on the host, or holds requests, refuses, is busy, goes and comes back.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/backend.hpp"
#include "transport/in_process.hpp"
#include "wire/decode.hpp"

namespace shoal::test {

class FakeHub {
public:
    struct Ways {
        bool greet = true;           ///< answers ClientHello
        bool hold = false;           ///< keeps requests without an answer
        bool hold_open = false;      ///< never says Opened
        int busy = 0;                ///< so many requests are told busy first
        std::uint32_t piece = 1000;  ///< bytes of weights asked for at a time
        std::optional<base::Error> refuse_join{}, refuse_open{};
    };
    struct Seen {
        int hellos = 0, opens = 0, closes = 0, submits = 0, cancels = 0, goodbyes = 0, answers = 0;
        std::uint64_t weight_bytes = 0;
        std::vector<std::uint64_t> requests{};  ///< numbers, as they came
    };

    FakeHub(std::shared_ptr<transport::InProcessNetwork> network, Ways ways);
    ~FakeHub();

    static constexpr const char* kEndpoint = "inproc://hub";
    void set(const Ways& ways);
    [[nodiscard]] Seen seen() const;
    /// Waits until the test's condition holds of what was seen; false after ten seconds.
    [[nodiscard]] bool wait_for(const std::function<bool(const Seen&)>& condition) const;
    /// Sends frames to every client.
    void say(wire::Frames frames);

private:
    using PeerId = transport::PeerId;
    struct Model {
        wire::OpenModel opened;
        PeerId client;
        std::vector<base::Digest> missing{};
        std::map<base::Digest, std::vector<std::byte>> blobs{};
        std::uint64_t number = 0;
        std::unique_ptr<runtime::Executable> executable{};
    };

    void run();
    void hear(PeerId peer, wire::HubFromClient message);
    void pull(Model& model);
    void finish(Model& model);

    std::unique_ptr<transport::Port> port_;
    std::shared_ptr<runtime::Backend> backend_;
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    Ways ways_;
    Seen seen_;
    std::vector<std::unique_ptr<Model>> models_;
    std::vector<PeerId> clients_;
    std::vector<std::pair<PeerId, wire::Submit>> held_;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace shoal::test
