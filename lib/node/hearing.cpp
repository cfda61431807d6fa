// What messages do. Part of shell.hpp.
#include "base/log.hpp"
#include "node/shell.hpp"
#include "wire/decode.hpp"

namespace shoal::node {

using base::Code;
using base::fail;
using base::TimePoint;
using transport::PeerId;

namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
    using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

}  // namespace

void Shell::hear(transport::Event event, TimePoint now) {
    std::string who = "somebody";
    try {
        if (registration_.is_hub(event.peer)) {
            who = "the hub";
            registration_.heard(now);
            return from_hub(event.frames, now);
        }
        if (const auto board = neighbours_.board_of(event.peer)) {
            who = "'" + *board + "'";
            return from_board(*board, event, now);
        }
        from_stranger(event);
    } catch (const base::Error& error) {
        refuse(event.peer, who, error);
    }
}

void Shell::refuse(PeerId peer, const std::string& who, const base::Error& error) {
    ++dropped_;
    if (registration_.is_hub(peer) && error.code() == Code::refused)
        registration_.refused(error.what(), base::SteadyClock::now());
    if (logged_.insert(peer).second)
        base::log_warning("node", "a message from ", who, " was dropped (and more may be): ", error.what());
}

void Shell::from_hub(const wire::Frames& frames, TimePoint now) {
    auto decoded = wire::decode_board_from_hub(frames);
    const bool is_welcome = std::holds_alternative<wire::Welcome>(decoded) ||
                            std::holds_alternative<wire::Refused>(decoded) ||
                            std::holds_alternative<wire::Goodbye>(decoded);
    if (!is_welcome && !registration_.joined()) return count_dropped();
    const auto count_unless = [&](bool taken) {
        if (!taken) count_dropped();
    };
    std::visit(Overloaded{
                   [&](wire::Welcome& message) {
                       if (!registration_.welcome(message, now)) return;
                       hub_lost();
                       stages_->drop_all("the hub knows nothing of them");
                   },
                   [&](wire::Refused& message) { registration_.refused(message.text, now); },
                   [&](wire::Goodbye& message) {
                       if (registration_.left("the hub says goodbye: " + message.reason, now)) hub_lost();
                   },
                   [&](wire::HeartbeatEcho&) {},
                   [&](wire::Peers& message) {
                       for (const auto& board : neighbours_.take(message))
                           stages_->consumer_lost(board);
                   },
                   [&](wire::Deploy& message) { stages_->deploy(std::move(message), now); },
                   [&](wire::Undeploy& message) { stages_->undeploy(message); },
                   [&](wire::Blob& message) { count_unless(blobs_->take(std::move(message), now)); },
                   [&](wire::BlobMissing& message) { count_unless(blobs_->take(message)); },
                   [&](wire::Activation& message) { stages_->activation({}, std::move(message), now); },
                   [&](wire::Cancel& message) { stages_->cancel(message); },
                   [&](wire::Probe& message) {
                       to_hub(wire::encode(wire::ProbeEcho{message.task, message.sequence}));
                   },
                   [&](wire::ProbeEcho& message) { count_unless(probe_.echo({}, message, now)); },
                   [&](wire::MeasureKernels& message) { timing_->measure(std::move(message)); },
                   [&](wire::MeasureLink& message) { probe_.measure(std::move(message), now); },
               },
               decoded);
}

void Shell::from_board(const std::string& board, const transport::Event& event, TimePoint now) {
    auto decoded = wire::decode_board_from_board(event.frames);
    const bool is_ours = neighbours_.is_ours(event.peer);
    std::visit(Overloaded{
                   [&](wire::PeerHello&) { count_dropped(); },
                   [&](wire::Activation& message) {
                       if (is_ours) fail(Code::network, "an activation on the wrong connection");
                       stages_->activation(board, std::move(message), now);
                   },
                   [&](wire::Credit& message) {
                       if (!is_ours) fail(Code::network, "a credit on the wrong connection");
                       stages_->credit(board, message);
                   },
                   [&](wire::Probe& message) {
                       if (!port_->send(event.peer, wire::encode(wire::ProbeEcho{message.task, message.sequence})))
                           count_dropped();
                   },
                   [&](wire::ProbeEcho& message) {
                       if (!is_ours || !probe_.echo(board, message, now)) count_dropped();
                   },
                   [&](wire::Refused& message) { base::log_info("node", "'", board, "' refuses: ", message.text); },
                   [&](wire::Goodbye&) {},
               },
               decoded);
}

// The first message of a connection must say whose it is; nothing else is listened to.
void Shell::from_stranger(const transport::Event& event) {
    try {
        auto decoded = wire::decode_board_from_board(event.frames);
        const auto* hello = std::get_if<wire::PeerHello>(&decoded);
        if (hello == nullptr) fail(Code::refused, "it does not say who it is");
        neighbours_.hello(event, *hello);
        stages_->sender_came(hello->board);
    } catch (const base::Error&) {
        port_->disconnect(event.peer);
        throw;
    }
}

// Stages of this board hand over to each other without the network.
void Shell::from_ourselves(TimePoint now) {
    for (std::size_t left = to_self_.size(); left > 0; --left) {
        const auto frames = std::move(to_self_.front());
        to_self_.pop_front();
        try {
            auto decoded = wire::decode_board_from_board(frames);
            if (auto* activation = std::get_if<wire::Activation>(&decoded))
                stages_->activation(options_.board, std::move(*activation), now);
            else if (const auto* credit = std::get_if<wire::Credit>(&decoded))
                stages_->credit(options_.board, *credit);
        } catch (const base::Error& error) {
            refuse(PeerId::none, "this board", error);
        }
    }
}

}  // namespace shoal::node
