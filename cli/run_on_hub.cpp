#include "cli/run_on_hub.hpp"

#include <CLI/CLI.hpp>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <utility>

#include "cli/messages.hpp"
#include "cli/request_window.hpp"
#include "cli/signals.hpp"
#include "cli/timing.hpp"
#include "session/remote_backend.hpp"

namespace shoal::cli {
namespace {

using base::Code;
using base::fail;
using base::text;
using tensor::Tensor;
using Requests = std::vector<std::vector<Tensor>>;

// Keeps so many requests open until all are answered. Answers come on the client's thread.
class Stream {
public:
    Stream(client::RemoteModel model, const Requests& requests, std::uint32_t in_flight, base::Duration patience)
        : model_(std::move(model)), requests_(requests), window_(in_flight), patience_(patience) {
        for (std::size_t i = 0; i < requests.size(); ++i)
            waiting_.push_back(i);
        tickets_.resize(requests.size());
        deadlines_.resize(requests.size());
    }

    void run(HubRun& out) {
        out.answers.resize(requests_.size());
        out.request_ms.resize(requests_.size());
        const auto start = base::SteadyClock::now();
        Progress progress("running");
        try {
            while (step(out))
                progress.show(progress_line(start));
        } catch (...) {
            take_back();
            throw;
        }
        out.seconds = std::chrono::duration<double>(base::SteadyClock::now() - start).count();
    }

private:
    struct Arrived {
        std::size_t request;
        client::Reply reply;
        base::TimePoint at;
    };
    // Outlives this object where an answer comes late.
    struct Box {
        std::mutex mutex;
        std::condition_variable some;
        std::deque<Arrived> arrived;
    };

    void submit(std::size_t request) {
        if (deadlines_[request] == base::TimePoint{}) {
            started_at_.resize(requests_.size());
            started_at_[request] = base::SteadyClock::now();
            deadlines_[request] = base::deadline_in(patience_);
        }
        tickets_[request] =
            model_.submit(requests_[request], deadlines_[request], [box = box_, request](client::Reply reply) {
                const std::lock_guard lock(box->mutex);
                box->arrived.push_back({request, std::move(reply), base::SteadyClock::now()});
                box->some.notify_one();
            });
        ++open_;
    }

    // False when all is answered.
    bool step(HubRun& out) {
        constexpr std::chrono::milliseconds kLook{50};
        check_signals();
        const auto now = base::SteadyClock::now();
        while (!waiting_.empty() && window_.has_room(open_, now)) {
            const auto next = waiting_.front();
            waiting_.pop_front();
            submit(next);
        }
        std::deque<Arrived> arrived;
        {
            std::unique_lock lock(box_->mutex);
            const auto until = window_.not_before() > now ? std::min(window_.not_before(), now + kLook) : now + kLook;
            box_->some.wait_until(lock, until, [&] { return !box_->arrived.empty(); });
            arrived.swap(box_->arrived);
        }
        for (auto& one : arrived)
            take(std::move(one), out);
        return answered_ < requests_.size();
    }

    void take(Arrived arrived, HubRun& out) {
        --open_;
        const auto request = arrived.request;
        auto& reply = arrived.reply;
        if (reply.error && reply.error->code() == Code::busy && base::SteadyClock::now() < deadlines_[request]) {
            waiting_.push_front(request);  // the hub is full of others' requests: again, as soon as something came back
            window_.was_full(open_, base::SteadyClock::now());
            return;
        }
        if (reply.error && may_come_back(*reply.error) && base::SteadyClock::now() < deadlines_[request]) {
            waiting_.push_front(request);
            window_.pause(base::SteadyClock::now());
            if (!std::exchange(warned_, true))
                say_warning(text(reply.error->what(),
                                 "\n  a board may come back: its requests wait until their deadline "
                                 "(--deadline)"));
            return;
        }
        if (reply.error) {
            fail(reply.error->code(),
                 requests_.size() > 1 ? text("request ", request + 1, " of ", requests_.size(), ": ") : std::string(),
                 reply.error->what(),
                 answered_ > 0 ? text("; ", answered_, " were answered before, and nothing is written") : "");
        }
        out.answers[request] = std::move(reply.outputs);
        out.request_ms[request] = base::to_ms(arrived.at - started_at_[request]);
        out.repeated += reply.attempts > 1 ? 1 : 0;
        repeated_ = out.repeated;
        ++answered_;
        window_.answered();
    }

    // The model was open: a board has gone since. One of many requests waits for it rather than lose all the others'
    // answers.
    [[nodiscard]] bool may_come_back(const base::Error& error) const {
        return requests_.size() > 1 && error.code() == Code::does_not_fit;
    }

    void take_back() noexcept {
        for (std::size_t i = 0; i < tickets_.size(); ++i) {
            try {
                if (tickets_[i]) model_.cancel(*tickets_[i]);
            } catch (const std::exception&) {  // The connection is gone: so are the requests.
            }
        }
    }

    [[nodiscard]] std::string progress_line(base::TimePoint start) const {
        const double seconds = std::chrono::duration<double>(base::SteadyClock::now() - start).count();
        return text("answered ", answered_, " of ", requests_.size(), ", ",
                    static_cast<std::uint64_t>(static_cast<double>(answered_) / std::max(seconds, 1e-3)), " a second",
                    repeated_ > 0 ? text(", ", repeated_, " repeated") : "");
    }

    client::RemoteModel model_;
    const Requests& requests_;
    RequestWindow window_;
    base::Duration patience_;
    std::deque<std::size_t> waiting_;
    std::vector<std::optional<client::RemoteModel::Ticket>> tickets_;
    std::vector<base::TimePoint> started_at_, deadlines_;
    std::shared_ptr<Box> box_ = std::make_shared<Box>();
    std::size_t open_ = 0, answered_ = 0, repeated_ = 0;
    bool warned_ = false;
};

}  // namespace

void add_hub_run_flags(CLI::App& command, HubRunFlags& flags) {
    add_hub_flags(command, flags.hub, "Run on the boards of this hub instead of on this machine");
    add_open_timeout_flag(command, flags.hub);
    add_connect_timeout_flag(command, flags.hub);
    command
        .add_flag("--each", flags.each,
                  "Every row of the inputs (axis 0) is a request of its own; the outputs are put together again")
        ->group("Cluster");
    command.add_option("--in-flight", flags.in_flight, "Keep at most N requests open (default: what the hub says)")
        ->option_text("N")
        ->check(CLI::Range(1, 100'000))
        ->group("Cluster");
    command.add_option("--deadline", flags.deadline_s, "How long a request may take (default 60)")
        ->option_text("SECONDS")
        ->check(CLI::Range(0.001, 86400.0))
        ->group("Cluster");
}

namespace {

client::OpenOptions open_options(const EnsembleFlags& ensemble, const HubRunFlags& flags) {
    auto out = cli::open_options(flags.hub);
    out.objective = objective_of(ensemble);
    out.mode = mode_of(ensemble);
    out.merge = merge_of(ensemble);
    out.weights = weights_of(ensemble);
    out.max_in_flight = flags.in_flight;
    return out;
}

}  // namespace

HubRun run_on_hub(client::Client& client, const std::vector<client::NamedGraph>& graphs, const Requests& requests,
                  const EnsembleFlags& ensemble, const HubRunFlags& flags) {
    HubRun out;
    out.hub = client.hub();
    auto options = open_options(ensemble, flags);
    std::optional<client::RemoteModel> model;
    {
        Progress progress("opening the model");
        options.on_progress = [&](const client::Progress& at) { progress.show(progress_text(at)); };
        out.open_ms = timed_ms([&] { model = client.open(graphs, options); });
    }
    const auto patience = base::from_ms(flags.deadline_s * 1e3);
    out.in_flight = flags.in_flight > 0 ? flags.in_flight : model->max_in_flight();
    Stream(*model, requests, out.in_flight, patience).run(out);
    out.placed.push_back({model->plan(), model->boards()});
    return out;
}

HubRun run_segments_on_hub(const std::shared_ptr<client::Client>& client, const importer::Model& model,
                           const std::vector<session::Inputs>& requests, const EnsembleFlags& ensemble,
                           const HubRunFlags& flags) {
    HubRun out;
    out.hub = client->hub();
    session::RemoteOptions remote;
    remote.open = open_options(ensemble, flags);
    std::mutex mutex;
    remote.on_open = [&](const client::RemoteModel& segment) {
        const std::lock_guard lock(mutex);
        out.placed.push_back({segment.plan(), segment.boards()});
    };
    session::SessionOptions options;
    if (flags.in_flight > 0) options.in_flight = flags.in_flight;
    options.queued = requests.size();
    out.in_flight = static_cast<std::uint32_t>(options.in_flight);
    const auto start = base::SteadyClock::now();
    std::vector<double> ended_ms(requests.size());
    session::Session session(model, session::make_remote_backend(client, remote), options);
    std::vector<std::future<session::Outputs>> runs;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        const auto promise = std::make_shared<std::promise<session::Outputs>>();
        runs.push_back(promise->get_future());
        runtime::RunOptions run;
        run.deadline = base::deadline_in(base::from_ms(flags.deadline_s * 1e3));
        session.submit(requests[i], run, [&ended_ms, start, i, promise](session::Finished finished) {
            ended_ms[i] = base::to_ms(base::SteadyClock::now() - start);
            if (finished.error)
                promise->set_exception(std::make_exception_ptr(*finished.error));
            else
                promise->set_value(std::move(finished.outputs));
        });
    }
    const Progress progress("running, segment by segment");
    for (auto& run : runs) {
        constexpr std::chrono::milliseconds kLook{50};
        while (run.wait_for(kLook) != std::future_status::ready)
            check_signals();
        out.answers.emplace_back();
        for (auto& [name, tensor] : run.get())
            out.answers.back().push_back(std::move(tensor));
    }
    out.request_ms = std::move(ended_ms);
    out.seconds = std::chrono::duration<double>(base::SteadyClock::now() - start).count();
    return out;
}

Requests rows_of(const std::vector<Tensor>& inputs, const std::vector<bool>& whole) {
    Requests out;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (whole[i]) continue;
        const auto rows = inputs[i].shape()[0];
        if (!out.empty() && static_cast<std::int64_t>(out.size()) != rows)
            fail(Code::invalid_argument, "--each: one input has ", out.size(), " rows, another ", rows,
                 "; give both as many, repeating what is the same for every row");
        out.resize(static_cast<std::size_t>(rows));
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const Tensor& input = inputs[i];
        if (whole[i]) {
            for (auto& request : out)
                request.push_back(input);
            continue;
        }
        const auto rows = input.shape()[0];
        std::vector<std::int64_t> extents(input.shape().begin(), input.shape().end());
        if (!extents.empty()) extents[0] = 1;
        const tensor::Type type{input.element(), tensor::Shape(extents)};
        const auto bytes = input.shared_bytes();
        for (std::int64_t row = 0; row < rows; ++row) {
            const auto view =
                bytes.view().subspan(static_cast<std::size_t>(row) * type.size_bytes(), type.size_bytes());
            out[static_cast<std::size_t>(row)].emplace_back(
                type, base::SharedBytes(std::make_shared<base::SharedBytes>(bytes), view));
        }
    }
    if (out.empty()) fail(Code::invalid_argument, "--each: the inputs have no rows");
    return out;
}

}  // namespace shoal::cli
