// What a client and its hub say to each other, as a state machine without sockets, threads or a clock: events go in,
// messages go out through a Line, and every call is answered through its callback exactly once.
//
// It keeps what it opened and what it asked. When the hub is lost, a later hub is told all of it again. Not
// thread-safe: it belongs to the client's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "client/client.hpp"
#include "client/model_view.hpp"
#include "client/submissions.hpp"
#include "client/weights.hpp"
#include "wire/decode.hpp"

namespace shoal::client {

/// The way to the hub.
class Line {
public:
    virtual ~Line() = default;
    /// False when the hub is not there. Throws invalid_argument when the message is too large for the network.
    [[nodiscard]] virtual bool send(wire::Frames frames) = 0;
    [[nodiscard]] virtual std::uint64_t unsent_bytes() const = 0;
};

/// The client's number of the model that was opened, what would run where, or why not.
using OpenResult = std::variant<std::uint64_t, wire::Planned, base::Error>;

struct OpenCall {
    std::uint64_t ticket = 0;           ///< the caller's number, to take it back
    std::vector<wire::Model> models{};  ///< constants bound and addressed
    OpenOptions options{};
    bool plan_only = false;
    std::shared_ptr<ModelView> view{};
    std::function<void(OpenResult)> done{};
};

struct StatusCall {
    base::TimePoint deadline{};
    std::function<void(std::variant<wire::Status, base::Error>)> done{};
};

class Conversation {
public:
    /// `joined` hears of every Welcome, and of a hub that refuses us.
    using Joined = std::function<void(std::variant<wire::Welcome, base::Error>)>;

    Conversation(const ClientOptions& options, std::string software, Line& line, Joined joined);

    void connected(base::TimePoint now);
    void disconnected(base::TimePoint now, const std::string& why);
    void refused(const std::string& why);
    void message(const wire::Frames& frames, base::TimePoint now);

    void open(OpenCall call, base::TimePoint now);
    /// Ends with Code::cancelled, unless it has ended.
    void cancel_opening(std::uint64_t ticket);
    void close(std::uint64_t model);
    void submit(Submission submission, base::TimePoint now);
    void cancel(std::uint64_t ticket);
    void status(StatusCall call, base::TimePoint now);

    /// Does what is due and says when it wants to be called again at the latest.
    base::TimePoint tick(base::TimePoint now);
    /// Answers everything that is open with Code::cancelled and says goodbye.
    void stop();

private:
    // A model for as long as somebody holds it, or a call that waits for one.
    struct Model {
        OpenCall call;
        bool waiting = true;         // `done` has not been called
        base::TimePoint deadline{};  // of opening; later with every progress
        std::string phase{};         // how far the hub was
        std::uint64_t phase_done = 0;
        std::uint64_t task = 0;                // the hub's answer to it is awaited
        std::uint64_t at_hub = 0;              // the hub's number; 0: not open there
        base::TimePoint ask_at{};              // when to ask again
        std::optional<base::Error> trouble{};  // why it is not open
    };

    void hear(const wire::Welcome& message, base::TimePoint now);
    void hear(const wire::Refused& message, base::TimePoint now);
    void hear(const wire::BlobRequest& message, base::TimePoint now);
    void hear(const wire::OpenProgress& message, base::TimePoint now);
    void hear(const wire::Planned& message, base::TimePoint now);
    void hear(const wire::Opened& message, base::TimePoint now);
    void hear(const wire::Replanned& message, base::TimePoint now);
    void hear(const wire::ModelFailed& message, base::TimePoint now);
    void hear(wire::Answer& message, base::TimePoint now);
    void hear(const wire::RequestFailed& message, base::TimePoint now);
    void hear(const wire::Status& message, base::TimePoint now);
    void hear(const wire::Goodbye& message, base::TimePoint now);

    void ask_to_open(std::uint64_t id, base::TimePoint now);
    void finish_opening(std::uint64_t id, OpenResult result);
    void drop_model(std::uint64_t id);
    [[nodiscard]] std::map<std::uint64_t, Model>::iterator model_of_task(std::uint64_t task);
    [[nodiscard]] Model* model_at_hub(std::uint64_t number);

    // False when the network takes no more for now.
    bool send_waiting(std::uint64_t model, base::TimePoint now);
    void answer(std::uint64_t ticket, Reply reply);
    void fail_request(std::uint64_t ticket, base::Error error);
    [[nodiscard]] base::Error late(const Submission& submission) const;
    void lose(base::TimePoint now, const std::string& why);
    bool say(wire::Frames frames);

    ClientOptions options_;
    std::string software_;
    Line& line_;
    Joined joined_;
    bool up_ = false;  // the hub welcomed us
    bool ever_up_ = false;
    std::string trouble_;  // why there is no hub
    std::uint64_t next_task_ = 1, next_model_ = 1, next_number_ = 1;
    std::map<std::uint64_t, Model> models_;
    Submissions submissions_;
    Weights weights_;
    std::vector<StatusCall> status_calls_;
};

}  // namespace shoal::client
