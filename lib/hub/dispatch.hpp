// Requests on their way: out to the boards in order, as fast as their credits allow, back as results, and on to the
// client as one answer. The hub's thread only.
#pragma once

#include "hub/catalogue.hpp"
#include "hub/requests.hpp"

namespace shoal::hub {

class Dispatch {
public:
    Dispatch(const HubLimits& limits, Catalogue& catalogue, const Membership& membership, Outbox& outbox);

    void submit(PeerId client, wire::Submit message, TimePoint now);
    void cancel(PeerId client, std::uint64_t client_number);
    void client_gone(PeerId client);
    /// The client has closed that model: nobody waits for its requests any more.
    void client_closed(PeerId client, std::uint64_t model);
    /// Answers those whose deadline has passed.
    void expire(TimePoint now);

    // What boards say; false when it is of no use (any more).
    bool result(const std::string& board, const wire::Result& message, TimePoint now);
    /// The number of errors that the stage made one after the other, 0 when it was of no use. A board that could not
    /// reach the next one is no fault of the request: it is sent again, a little later.
    std::uint32_t stage_error(const std::string& board, const wire::StageError& message, TimePoint now);

    /// Sends what there is room for.
    void pump(Model& model, TimePoint now);
    /// What is on its way comes back into the queue, in order, to be sent again.
    void take_back(Model& model);
    void fail_all(Model& model, const base::Error& error);

    [[nodiscard]] const Requests& requests() const noexcept { return requests_; }

private:
    void send(Model& model, Request& request, Dealt dealt, TimePoint now);
    void answer(Model& model, Request& request, TimePoint now);
    /// The request's end, whatever it is: out of every list. `boards_too`: those who have it are told.
    void end(Request& request, bool boards_too);
    void fail(Request& request, base::Code code, const std::string& why, bool boards_too);
    /// Back to the front of the queue, as if it had not been sent.
    void take_back(Model& model, Request& request);
    /// Those who have it are told that nobody waits for it.
    void tell_cancelled(const Model& model, const Request& request);
    void refuse(PeerId client, std::uint64_t client_number, const base::Error& error);
    [[nodiscard]] std::optional<Dealt> next_dealt(Model& model) const;

    Catalogue& catalogue_;
    const Membership& membership_;
    Outbox& outbox_;
    Requests requests_;
};

}  // namespace shoal::hub
