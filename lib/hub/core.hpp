// The hub without its threads: takes what the port says, decides by role who may say what, and hands it to the parts.
//
// A connection is a stranger until its first message: Register makes it a board, ClientHello a client, and neither may
// speak as the other. What is malformed, out of role or about nothing that exists is dropped and counted. One thread.
#pragma once

#include <map>
#include <set>

#include "base/blob_store.hpp"
#include "hub/blob_service.hpp"
#include "hub/conductor.hpp"
#include "wire/decode.hpp"

namespace shoal::hub {

class Core {
public:
    /// Neither waits for the other: a plan is wanted at once when a board is lost, and a disk may be slow.
    struct Workers {
        Worker &planning, &storing;
    };
    /// All of them outlive the core, and the workers run nothing more once it goes. Opens the blob store; throws what
    /// that throws.
    Core(const HubOptions& options, Outbox& outbox, const Workers& workers, const base::Clock& clock);

    void handle(transport::Event event);
    /// What time brings: lost boards, deadlines, the next probe. Called at least every patience().
    void tick();
    [[nodiscard]] base::Duration patience() const { return patience_; }
    /// The hub could not listen for so long (base::Clock's time): no board is to blame.
    void excuse(base::Duration stall) { membership_.excuse(stall); }

    [[nodiscard]] wire::Status status() const;
    /// Takes its leave of everybody. What is open is its client's, to send again or to give up.
    void stop();

private:
    enum class Role : std::uint8_t { stranger, board, client };
    struct Peer {
        Role role = Role::stranger;
        Caller caller{};
        std::string name;
        TimePoint since{};
        std::uint32_t broken = 0;  ///< messages dropped
    };

    void message(Peer& peer, const wire::Frames& frames);
    void first_message(Peer& peer, const wire::Frames& frames);
    void from_board(Peer& peer, wire::HubFromBoard message);
    void from_client(Peer& peer, wire::HubFromClient message);
    void join(Peer& peer, wire::Register info);
    void hello(Peer& peer, const wire::ClientHello& hello);
    void gone(PeerId peer, const std::string& why, wire::BoardState state);
    void lose_board(const std::string& name, const std::string& why, wire::BoardState state,
                    bool keep_connection = false);
    void drop(Peer& peer, const std::string& why);
    void cut_strangers();
    [[nodiscard]] std::size_t clients() const;
    void add_quiet_links(std::vector<wire::LinkStatus>& links) const;
    void tell_event(Event::Kind kind, const std::string& subject, const std::string& text) const;
    [[nodiscard]] TimePoint now() const { return clock_.now(); }

    // core_board.cpp: one for each of HubFromBoard; false when it is of no use.
    bool hear(Peer& peer, wire::Register& message);
    bool hear(Peer& peer, wire::Heartbeat& message);
    bool hear(Peer& peer, wire::KernelCosts& message);
    bool hear(Peer& peer, wire::LinkMeasured& message);
    bool hear(Peer& peer, wire::TaskFailed& message);
    bool hear(Peer& peer, wire::Probe& message);
    bool hear(Peer& peer, wire::ProbeEcho& message);
    bool hear(Peer& peer, wire::BlobRequest& message);
    bool hear(Peer& peer, wire::DeployProgress& message);
    bool hear(Peer& peer, wire::Ready& message);
    bool hear(Peer& peer, wire::DeployFailed& message);
    bool hear(Peer& peer, wire::Result& message);
    bool hear(Peer& peer, wire::Credit& message);
    bool hear(Peer& peer, wire::StageError& message);
    bool hear(Peer& peer, wire::Goodbye& message);

    const HubOptions& options_;
    Outbox& outbox_;
    const base::Clock& clock_;
    TimePoint started_;
    base::Duration patience_{};

    base::BlobStore store_;
    Membership membership_;
    Links links_;
    Measuring measuring_;
    Catalogue catalogue_;
    Dispatch dispatch_;
    Intake intake_;
    BlobService blobs_;
    Conductor conductor_;

    std::map<PeerId, Peer> peers_;
    std::uint64_t dropped_ = 0, broken_ = 0;
};

}  // namespace shoal::hub
