#include "client/client.hpp"

#include <algorithm>
#include <cmath>

#include "client/core.hpp"
#include "client/tell.hpp"
#include "wire/graph_codec.hpp"

namespace shoal::client {

using base::Code;
using base::fail;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kLookForCancel{5};
constexpr milliseconds kBusyFirst{2}, kBusyLongest{100};  // between attempts when the hub is full

const char* kEnded = "the client has ended";

void check_inputs(const graph::Graph& graph, const std::vector<Tensor>& inputs) {
    if (inputs.size() != graph.inputs.size())
        fail(Code::invalid_argument, inputs.size(), " inputs for '", graph.name, "', which takes ",
             graph.inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const auto& wanted = graph.type(graph.inputs[i].value);
        if (inputs[i].type() != wanted)
            fail(Code::invalid_argument, "input '", graph.inputs[i].name, "' of '", graph.name, "' is ",
                 inputs[i].type(), "; it must be ", wanted);
    }
}

void check_alike(const graph::Graph& first, const graph::Graph& other) {
    const auto types = [](const graph::Graph& graph, const std::vector<graph::Port>& ports) {
        std::vector<tensor::Type> out;
        for (const auto& port : ports)
            out.push_back(graph.type(port.value));
        return out;
    };
    if (types(first, first.inputs) != types(other, other.inputs) ||
        types(first, first.outputs) != types(other, other.outputs))
        fail(Code::invalid_argument, "models '", first.name, "' and '", other.name,
             "' cannot answer together: their inputs or outputs differ");
}

void check(const std::vector<NamedGraph>& graphs, const OpenOptions& options) {
    if (graphs.empty()) fail(Code::invalid_argument, "no model was given");
    for (const auto& named : graphs) {
        if (!named.graph) fail(Code::invalid_argument, "model '", named.name, "' has no graph");
        check_alike(*graphs[0].graph, *named.graph);
    }
    if (graphs.size() > 1 && options.merge == plan::Merge::hand_over)
        fail(Code::invalid_argument, graphs.size(), " models answer together: say how their answers are merged");
    if (!options.weights.empty() && options.weights.size() != graphs.size())
        fail(Code::invalid_argument, options.weights.size(), " weights for ", graphs.size(), " models");
    for (const double weight : options.weights) {
        if (!std::isfinite(weight) || weight < 0)
            fail(Code::invalid_argument, "a weight is ", weight, "; it must be finite and not negative");
    }
}

void check_still_wanted(const OpenOptions& options) {
    if (options.cancelled && options.cancelled()) fail(Code::cancelled, "opening the model was taken back");
    if (options.deadline && *options.deadline <= base::SteadyClock::now())
        fail(Code::timeout, "the deadline passed before the model was open");
}

std::vector<wire::Model> addressed(const std::vector<NamedGraph>& graphs, const OpenOptions& options) {
    std::uint64_t total = 0, done = 0;
    for (const auto& named : graphs)
        total += graph::constant_bytes(*named.graph);
    std::vector<wire::Model> out;
    for (const auto& named : graphs) {
        check_still_wanted(options);
        tell(options.on_progress, Progress{"hashing", done, total});
        graph::Graph graph = *named.graph;
        if (!named.name.empty()) graph.name = named.name;
        for (const auto& value : graph.values) {
            if (value.constant && !value.constant->bound(value.type))
                fail(Code::invalid_argument, "constant '", value.name, "' of model '", graph.name,
                     "' has no bytes to send");
        }
        graph::unique_names(graph);  // stages name their ends by them
        wire::address_constants(graph);
        auto digest = wire::digest_of(graph);
        done += graph::constant_bytes(graph);
        out.push_back({std::move(graph), digest});
    }
    return out;
}

// Opens or plans, and waits for how it ends.
OpenResult ask(Core& core, OpenCall call) {
    auto promise = std::make_shared<std::promise<OpenResult>>();
    auto result = promise->get_future();
    call.done = [promise](OpenResult ended) { promise->set_value(std::move(ended)); };
    const auto ticket = call.ticket = core.new_ticket();
    const auto cancelled = std::exchange(call.options.cancelled, nullptr);
    if (!core.post([call = std::move(call)](Conversation& talk) { talk.open(call, base::SteadyClock::now()); }))
        fail(Code::cancelled, kEnded);
    while (cancelled && result.wait_for(kLookForCancel) != std::future_status::ready) {
        if (!cancelled()) continue;
        (void)core.post([ticket](Conversation& talk) { talk.cancel_opening(ticket); });
        break;
    }
    OpenResult out = result.get();  // by its deadline at the latest
    if (const auto* error = std::get_if<base::Error>(&out)) throw base::Error(*error);
    return out;
}

}  // namespace

struct RemoteModel::State {
    State(std::shared_ptr<Core> own_core, std::uint64_t own_number, std::shared_ptr<ModelView> own_view,
          std::shared_ptr<const graph::Graph> own_graph)
        : core(std::move(own_core)), number(own_number), view(std::move(own_view)), graph(std::move(own_graph)) {}
    ~State() {
        (void)core->post([number = number](Conversation& talk) { talk.close(number); });
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    const std::shared_ptr<Core> core;
    const std::uint64_t number;
    const std::shared_ptr<ModelView> view;
    const std::shared_ptr<const graph::Graph> graph;
};

const graph::Graph& RemoteModel::graph() const noexcept {
    return *state_->graph;
}

plan::Plan RemoteModel::plan() const {
    return state_->view->plan();
}

std::vector<std::string> RemoteModel::boards() const {
    return state_->view->boards();
}

std::uint32_t RemoteModel::max_in_flight() const noexcept {
    return state_->view->max_in_flight();
}

RemoteModel::Ticket RemoteModel::submit(std::vector<Tensor> inputs, base::TimePoint deadline,
                                        std::function<void(Reply)> done) const {
    check_inputs(graph(), inputs);
    Submission out;
    out.ticket = state_->core->new_ticket();
    out.model = state_->number;
    out.inputs = std::move(inputs);
    out.deadline = deadline;
    // The model stays open until it has answered.
    out.done = [keep = state_, done](Reply reply) { tell(done, std::move(reply)); };
    const Ticket ticket = out.ticket;
    if (!state_->core->post(
            [out = std::move(out)](Conversation& talk) { talk.submit(out, base::SteadyClock::now()); })) {
        Reply ended;
        ended.error = base::Error(Code::cancelled, kEnded);
        tell(done, std::move(ended));
    }
    return ticket;
}

void RemoteModel::cancel(Ticket ticket) const {
    (void)state_->core->post([ticket](Conversation& talk) { talk.cancel(ticket); });
}

std::vector<Tensor> RemoteModel::run(std::vector<Tensor> inputs, base::TimePoint deadline,
                                     const std::function<bool()>& cancelled, bool tell_busy) const {
    state_->core->expect_other_thread("run()");
    milliseconds pause = kBusyFirst;
    for (;;) {
        const auto promise = std::make_shared<std::promise<Reply>>();
        auto reply = promise->get_future();
        const Ticket ticket = submit(inputs, deadline, [promise](Reply own) { promise->set_value(std::move(own)); });
        while (cancelled && reply.wait_for(kLookForCancel) != std::future_status::ready) {
            if (!cancelled()) continue;
            cancel(ticket);
            break;
        }
        Reply own = reply.get();  // by the deadline at the latest
        if (!own.error) return std::move(own.outputs);
        const auto again = base::SteadyClock::now() + pause;
        if (own.error->code() != Code::busy || tell_busy || again >= deadline) throw base::Error(*own.error);
        if (cancelled && cancelled()) fail(Code::cancelled, "the request was taken back");
        if (!state_->core->sleep_until(again)) fail(Code::cancelled, kEnded);
        pause = std::min(pause * 2, kBusyLongest);
    }
}

struct Client::State {
    std::shared_ptr<Core> core;
};

Client::Client(ClientOptions options, std::unique_ptr<transport::Port> port) : state_(std::make_shared<State>()) {
    state_->core = std::make_shared<Core>(std::move(options), std::move(port));
    try {
        state_->core->wait_until_joined();
    } catch (...) {
        state_->core->stop();
        throw;
    }
}

Client::~Client() {
    state_->core->stop();
}

RemoteModel Client::open(std::vector<NamedGraph> graphs, const OpenOptions& options) {
    state_->core->expect_other_thread("open()");
    check(graphs, options);
    const auto view = std::make_shared<ModelView>();
    const auto result =
        ask(*state_->core, {0, addressed(graphs, options), options, /*plan_only=*/false, view, nullptr});
    RemoteModel out;
    out.state_ =
        std::make_shared<RemoteModel::State>(state_->core, std::get<std::uint64_t>(result), view, graphs[0].graph);
    return out;
}

Planned Client::plan(std::vector<NamedGraph> graphs, const OpenOptions& options) {
    state_->core->expect_other_thread("plan()");
    check(graphs, options);
    auto result = ask(*state_->core, {0, addressed(graphs, options), options, /*plan_only=*/true, nullptr, nullptr});
    auto& planned = std::get<wire::Planned>(result);
    return {std::move(planned.plan), std::move(planned.cluster)};
}

wire::Status Client::status(milliseconds timeout) {
    state_->core->expect_other_thread("status()");
    using Result = std::variant<wire::Status, base::Error>;
    const auto promise = std::make_shared<std::promise<Result>>();
    auto result = promise->get_future();
    const StatusCall call{base::deadline_in(timeout), [promise](Result own) { promise->set_value(std::move(own)); }};
    if (!state_->core->post([call](Conversation& talk) { talk.status(call, base::SteadyClock::now()); }))
        fail(Code::cancelled, kEnded);
    Result own = result.get();
    if (const auto* error = std::get_if<base::Error>(&own)) throw base::Error(*error);
    return std::get<wire::Status>(std::move(own));
}

std::string Client::hub() const {
    return state_->core->hub();
}

}  // namespace shoal::client
