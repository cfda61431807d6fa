#include "client/client.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>

#include "fake_hub.hpp"
#include "graph/builder.hpp"
#include "runtime/host_backend.hpp"
#include "support/errors.hpp"
#include "support/random.hpp"

using namespace shoal;
using base::Code;
using client::Client;
using client::ClientOptions;
using client::Reply;
using std::chrono::milliseconds;
using std::chrono::seconds;
using tensor::ElementType;
using tensor::Tensor;
using test::FakeHub;

namespace {

std::shared_ptr<const graph::Graph> small_graph() {
    auto random = test::generator();
    graph::Builder builder("small");
    auto x = builder.input("x", {ElementType::f32, {3, 40}});
    x = builder.matmul(x, builder.constant(test::random_tensor(random, {ElementType::f32, {40, 31}})));
    builder.output("y", builder.map("relu", {x}));
    return std::make_shared<graph::Graph>(builder.finish());
}

class Together {
public:
    explicit Together(FakeHub::Ways ways = {}) : hub(std::make_unique<FakeHub>(network, std::move(ways))) {}

    std::unique_ptr<Client> client(ClientOptions options = {}) {
        options.hub_endpoint = FakeHub::kEndpoint;
        return std::make_unique<Client>(options, transport::make_in_process_port(network));
    }
    void lose_hub() { hub.reset(); }
    void new_hub(FakeHub::Ways ways = {}) { hub = std::make_unique<FakeHub>(network, std::move(ways)); }

    std::shared_ptr<transport::InProcessNetwork> network = transport::make_in_process_network();
    std::unique_ptr<FakeHub> hub;
};

std::vector<Tensor> some_inputs(const graph::Graph& graph, unsigned salt = 0) {
    std::mt19937 random(test::seed() + salt);
    return {test::random_tensor(random, graph.type(graph.inputs[0].value))};
}

std::vector<Tensor> wanted(const graph::Graph& graph, const std::vector<Tensor>& inputs) {
    const auto backend = runtime::make_host_backend();
    return runtime::run_on_host_tensors(*backend, *backend->compile(graph), inputs);
}

bool same(const std::vector<Tensor>& got, const std::vector<Tensor>& want) {
    return got.size() == want.size() && std::ranges::equal(got, want, [](const Tensor& a, const Tensor& b) {
               return a.type() == b.type() && std::ranges::equal(a.bytes(), b.bytes());
           });
}

// One request whose reply a test waits for.
class Asked {
public:
    Asked(const client::RemoteModel& model, std::vector<Tensor> inputs, milliseconds within = seconds(20))
        : reply_(state_->promise.get_future()),
          ticket(model.submit(std::move(inputs), base::deadline_in(within), [state = state_](Reply reply) {
              if (++state->calls == 1) state->promise.set_value(std::move(reply));
          })) {}

    Reply reply() { return reply_.get(); }
    [[nodiscard]] int calls() const { return state_->calls; }

private:
    struct State {
        std::promise<Reply> promise;
        std::atomic<int> calls{0};
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
    std::future<Reply> reply_;

public:
    client::RemoteModel::Ticket ticket;
};

}  // namespace

TEST_CASE("A model is opened with its weights and answers as it does on the host") {
    Together all;
    const auto client = all.client();
    CHECK(client->hub() == "fake 1.2.3");
    const auto graph = small_graph();
    std::vector<std::string> phases;
    client::OpenOptions options;
    options.on_progress = [&](const client::Progress& progress) { phases.push_back(progress.phase); };
    const auto model = client->open({{"small", graph}}, options);
    CHECK(all.hub->seen().weight_bytes == graph::constant_bytes(*graph));
    REQUIRE(phases.size() >= 2);
    CHECK(phases.front() == "hashing");
    CHECK(phases.back() == "weights");
    CHECK(model.boards() == std::vector<std::string>{"a board"});
    CHECK(model.max_in_flight() == 3);
    client::OpenOptions fewer;
    fewer.max_in_flight = 2;
    CHECK(client->open({{"small", graph}}, fewer).max_in_flight() == 2);
    for (unsigned i = 0; i < 5; ++i) {
        const auto inputs = some_inputs(*graph, i);
        CHECK(same(model.run(inputs, base::deadline_in(seconds(10))), wanted(*graph, inputs)));
    }
    CHECK(client->status().hub == "fake");
    CHECK(client->plan({{"small", graph}}).cluster.boards[0].name == "a board");
}

TEST_CASE("Many requests are in flight and each is answered once") {
    Together all;
    const auto client = all.client();
    const auto graph = small_graph();
    const auto model = client->open({{"small", graph}});
    std::vector<std::unique_ptr<Asked>> asked;
    for (unsigned i = 0; i < 100; ++i)
        asked.push_back(std::make_unique<Asked>(model, some_inputs(*graph, i)));
    for (unsigned i = 0; i < 100; ++i) {
        const Reply reply = asked[i]->reply();
        CHECK(!reply.error);
        CHECK(reply.ran_ms == 2.5);
        CHECK(same(reply.outputs, wanted(*graph, some_inputs(*graph, i))));
    }
    for (const auto& own : asked)
        CHECK(own->calls() == 1);
}

TEST_CASE("A busy hub is told to the callback, and asked again by run()") {
    Together all;
    const auto client = all.client();
    const auto graph = small_graph();
    const auto model = client->open({{"small", graph}});
    FakeHub::Ways ways;
    ways.busy = 1;
    all.hub->set(ways);
    CHECK(Asked(model, some_inputs(*graph)).reply().error->code() == Code::busy);
    all.hub->set(ways);
    CHECK(test::code_of([&] {
              (void)model.run(some_inputs(*graph), base::deadline_in(seconds(20)), {}, /*tell_busy=*/true);
          }) == Code::busy);
    ways.busy = 5;
    all.hub->set(ways);
    CHECK(same(model.run(some_inputs(*graph), base::deadline_in(seconds(20))), wanted(*graph, some_inputs(*graph))));
    ways.busy = 1'000'000;
    all.hub->set(ways);
    CHECK(test::code_of([&] { (void)model.run(some_inputs(*graph), base::deadline_in(milliseconds(50))); }) ==
          Code::busy);
}

TEST_CASE("Deadlines hold although the hub never answers, and the hub hears that nobody waits") {
    FakeHub::Ways ways;
    ways.hold = true;
    Together all(ways);
    const auto client = all.client();
    const auto graph = small_graph();
    const auto model = client->open({{"small", graph}});
    Asked late(model, some_inputs(*graph), milliseconds(30));
    CHECK(late.reply().error->code() == Code::timeout);
    CHECK(all.hub->wait_for([](const auto& seen) { return seen.cancels == 1; }));
    Asked taken_back(model, some_inputs(*graph));
    CHECK(all.hub->wait_for([](const auto& seen) { return seen.submits == 2; }));
    model.cancel(taken_back.ticket);
    CHECK(taken_back.reply().error->code() == Code::cancelled);
    model.cancel(taken_back.ticket);
    CHECK(all.hub->wait_for([](const auto& seen) { return seen.cancels == 2; }));
    CHECK(Asked(model, some_inputs(*graph), milliseconds(-5)).reply().error->code() == Code::timeout);
}

TEST_CASE("When the hub is lost, models are opened again and requests repeated under new numbers") {
    FakeHub::Ways ways;
    ways.hold = true;
    Together all(ways);
    const auto client = all.client();
    const auto graph = small_graph();
    const auto model = client->open({{"small", graph}});
    std::vector<std::unique_ptr<Asked>> asked;
    for (unsigned i = 0; i < 10; ++i)
        asked.push_back(std::make_unique<Asked>(model, some_inputs(*graph, i)));
    REQUIRE(all.hub->wait_for([](const auto& seen) { return seen.submits == 10; }));
    const auto before = all.hub->seen().requests;
    all.lose_hub();
    for (unsigned i = 10; i < 12; ++i)
        asked.push_back(std::make_unique<Asked>(model, some_inputs(*graph, i)));
    FakeHub::Ways busy;
    busy.busy = 3;  // the new hub is full at first: those who asked before do not hear of it
    all.new_hub(busy);
    int failed = 0;
    for (unsigned i = 0; i < 12; ++i) {
        const Reply reply = asked[i]->reply();
        if (reply.error) {
            CHECK(reply.error->code() == Code::busy);
            CHECK(i >= 10);
            ++failed;
            continue;
        }
        if (i < 10) CHECK(reply.attempts >= 2);
        CHECK(same(reply.outputs, wanted(*graph, some_inputs(*graph, i))));
    }
    CHECK(failed <= 2);
    for (const auto number : all.hub->seen().requests)
        CHECK(std::find(before.begin(), before.end(), number) == before.end());
    for (const auto& own : asked)
        CHECK(own->calls() == 1);
}

TEST_CASE("Without retry a lost hub is an error at once") {
    FakeHub::Ways ways;
    ways.hold = true;
    Together all(ways);
    ClientOptions options;
    options.retry = false;
    const auto client = all.client(options);
    const auto graph = small_graph();
    const auto model = client->open({{"small", graph}});
    Asked asked(model, some_inputs(*graph));
    REQUIRE(all.hub->wait_for([](const auto& seen) { return seen.submits == 1; }));
    all.lose_hub();
    CHECK(asked.reply().error->code() == Code::network);
    CHECK(Asked(model, some_inputs(*graph), milliseconds(20)).reply().error->code() == Code::timeout);
}

TEST_CASE("A model that cannot be opened again fails its requests with the hub's words") {
    FakeHub::Ways ways;
    ways.hold = true;
    Together all(ways);
    const auto client = all.client();
    const auto graph = small_graph();
    const auto model = client->open({{"small", graph}});
    Asked asked(model, some_inputs(*graph)), short_lived(model, some_inputs(*graph), milliseconds(400));
    REQUIRE(all.hub->wait_for([](const auto& seen) { return seen.submits == 2; }));
    all.lose_hub();
    ways.refuse_open = base::Error(Code::does_not_fit, "16 MiB short");
    all.new_hub(ways);
    const Reply reply = short_lived.reply();
    CHECK(reply.error->code() == Code::does_not_fit);
    CHECK(test::says(reply.error->what(), "16 MiB short"));
    ways.refuse_open.reset();
    ways.hold = false;
    all.hub->set(ways);  // boards came back
    CHECK(same(asked.reply().outputs, wanted(*graph, some_inputs(*graph))));
}

TEST_CASE("A hub that refuses, is of another version or is not there is told apart") {
    FakeHub::Ways ways;
    ways.refuse_join = base::Error(Code::refused, "this hub speaks version 2.0, you speak 1.0");
    Together all(ways);
    const auto join = [&](milliseconds timeout) {
        ClientOptions options;
        options.connect_timeout = timeout;
        return test::error_of([&] { (void)all.client(options); });
    };
    CHECK(test::says(join(seconds(10)), "version 2.0"));
    ways = {};
    ways.greet = false;
    all.hub->set(ways);
    CHECK(test::says(join(milliseconds(30)), FakeHub::kEndpoint));
    all.lose_hub();
    CHECK(test::says(join(milliseconds(30)), "within 30 ms"));
    ClientOptions options;
    options.connect_timeout = seconds(100);
    options.cancelled = [] { return true; };
    CHECK(test::code_of([&] { (void)all.client(options); }) == Code::cancelled);
}

TEST_CASE("Opening fails with the hub's words, or when its time is over") {
    FakeHub::Ways ways;
    ways.refuse_open = base::Error(Code::unavailable, "no board has joined");
    Together all(ways);
    const auto client = all.client();
    const auto graph = small_graph();
    CHECK(test::says(test::error_of([&] { (void)client->open({{"small", graph}}); }), "no board has joined"));
    CHECK(test::code_of([&] { (void)client->plan({{"small", graph}}); }) == Code::unavailable);
    ways.refuse_open.reset();
    ways.hold_open = true;
    all.hub->set(ways);
    client::OpenOptions options;
    options.timeout = milliseconds(30);
    CHECK(test::code_of([&] { (void)client->open({{"small", graph}}, options); }) == Code::timeout);
}

TEST_CASE("Opening and planning obey a deadline and can be taken back, whether the hub works or is away") {
    FakeHub::Ways ways;
    ways.hold_open = true;
    Together all(ways);
    const auto client = all.client();
    const auto graph = small_graph();
    client::OpenOptions until, given_up;
    until.deadline = base::deadline_in(milliseconds(30));
    CHECK(test::code_of([&] { (void)client->open({{"small", graph}}, until); }) == Code::timeout);
    CHECK(test::code_of([&] { (void)client->plan({{"small", graph}}, until); }) == Code::timeout);  // it is over
    given_up.cancelled = [&] { return all.hub->seen().opens == 2; };
    CHECK(test::code_of([&] { (void)client->open({{"small", graph}}, given_up); }) == Code::cancelled);
    all.lose_hub();
    given_up.cancelled = [asked = std::make_shared<int>(0)] { return ++*asked > 3; };
    CHECK(test::code_of([&] { (void)client->plan({{"small", graph}}, given_up); }) == Code::cancelled);
    until.deadline = base::deadline_in(milliseconds(30));
    CHECK(test::code_of([&] { (void)client->plan({{"small", graph}}, until); }) == Code::timeout);
}

TEST_CASE("What makes no sense is refused before it is sent") {
    Together all;
    const auto client = all.client();
    const auto graph = small_graph();
    const auto code = [&](std::vector<client::NamedGraph> graphs, client::OpenOptions options = {}) {
        return test::code_of([&] { (void)client->open(std::move(graphs), options); });
    };
    CHECK(code({}) == Code::invalid_argument);
    CHECK(code({{"a", nullptr}}) == Code::invalid_argument);
    CHECK(code({{"a", graph}, {"b", graph}}) == Code::invalid_argument);  // merged how?
    client::OpenOptions options;
    options.merge = plan::Merge::weighted_mean;
    options.weights = {1};
    CHECK(code({{"a", graph}, {"b", graph}}, options) == Code::invalid_argument);
    auto unbound = *graph;
    for (auto& value : unbound.values) {
        if (value.constant) value.constant->bytes = {};
    }
    CHECK(code({{"a", std::make_shared<graph::Graph>(unbound)}}) == Code::invalid_argument);
    CHECK(all.hub->seen().opens == 0);
    const auto model = client->open({{"small", graph}});
    CHECK(test::says(test::error_of([&] { (void)model.submit({}, {}, {}); }), "0 inputs"));
    CHECK(test::says(test::error_of([&] {
                         (void)model.submit({Tensor({ElementType::f32, {3, 41}})}, {}, {});
                     }),
                     "f32[3, 41]"));
}

TEST_CASE("The last handle closes the model, but not before its requests are answered") {
    FakeHub::Ways ways;
    ways.hold = true;
    Together all(ways);
    const auto client = all.client();
    std::optional<client::RemoteModel> model = client->open({{"small", small_graph()}});
    Asked asked(*model, some_inputs(model->graph()));
    REQUIRE(all.hub->wait_for([](const auto& seen) { return seen.submits == 1; }));
    model.reset();
    CHECK(client->status().hub == "fake");
    CHECK(all.hub->seen().closes == 0);
    all.hub->say(wire::encode(wire::RequestFailed{all.hub->seen().requests[0], Code::device, "it broke"}));
    CHECK(asked.reply().error->code() == Code::device);
    CHECK(all.hub->wait_for([](const auto& seen) { return seen.closes == 1; }));
}

TEST_CASE("An ending client answers what is open and says goodbye") {
    FakeHub::Ways ways;
    ways.hold = true;
    Together all(ways);
    auto client = all.client();
    const auto model = client->open({{"small", small_graph()}});
    Asked asked(model, some_inputs(model.graph()));
    client.reset();
    CHECK(asked.reply().error->code() == Code::cancelled);
    CHECK(asked.calls() == 1);
    CHECK(all.hub->wait_for([](const auto& seen) { return seen.goodbyes == 1; }));
    CHECK(Asked(model, some_inputs(model.graph())).reply().error->code() == Code::cancelled);
    CHECK(test::code_of([&] { (void)model.run(some_inputs(model.graph()), base::deadline_in(seconds(1))); }) ==
          Code::cancelled);
}

namespace {

// A port that has no memory left for messages once it is told so.
class PoorPort final : public transport::Port {
public:
    PoorPort(std::unique_ptr<transport::Port> inner, std::shared_ptr<std::atomic<bool>> poor)
        : inner_(std::move(inner)), poor_(std::move(poor)) {}
    std::string listen(const std::string& endpoint) override { return inner_->listen(endpoint); }
    transport::PeerId connect(const std::string& endpoint, const std::optional<transport::PublicKey>& server) override {
        return inner_->connect(endpoint, server);
    }
    bool send(transport::PeerId peer, transport::Frames frames) override {
        if (*poor_) throw std::bad_alloc();
        return inner_->send(peer, std::move(frames));
    }
    std::optional<transport::Event> wait(base::TimePoint deadline) override { return inner_->wait(deadline); }
    void disconnect(transport::PeerId peer) override { inner_->disconnect(peer); }
    void wake() noexcept override { inner_->wake(); }
    void post(std::function<void()> work) override { inner_->post(std::move(work)); }
    transport::Counters counters(transport::PeerId peer) const override { return inner_->counters(peer); }
    std::uint64_t unsent_bytes(transport::PeerId peer) const override { return inner_->unsent_bytes(peer); }
    transport::Rejections rejections() const override { return inner_->rejections(); }
    base::TimePoint last_arrival(transport::PeerId peer) const override { return inner_->last_arrival(peer); }

private:
    std::unique_ptr<transport::Port> inner_;
    std::shared_ptr<std::atomic<bool>> poor_;
};

}  // namespace

TEST_CASE("A client ends although it cannot say goodbye") {
    Together all;
    const auto poor = std::make_shared<std::atomic<bool>>(false);
    ClientOptions options;
    options.hub_endpoint = FakeHub::kEndpoint;
    Client client(options, std::make_unique<PoorPort>(transport::make_in_process_port(all.network), poor));
    *poor = true;
}

TEST_CASE("Callbacks may ask again, but not wait; what they throw is theirs") {
    Together all;
    const auto client = all.client();
    const auto model = client->open({{"small", small_graph()}});
    const auto inputs = some_inputs(model.graph());
    std::promise<std::optional<Code>> waited;
    std::promise<Reply> second;
    (void)model.submit(inputs, base::deadline_in(seconds(10)), [&](const Reply&) {
        waited.set_value(test::code_of([&] { (void)model.run(inputs, base::deadline_in(seconds(1))); }));
        (void)model.submit(inputs, base::deadline_in(seconds(10)), [&](Reply reply) { second.set_value(reply); });
        throw std::runtime_error("not ours");
    });
    CHECK(waited.get_future().get() == Code::invalid_argument);
    CHECK(!second.get_future().get().error);
}

TEST_CASE("A new plan is seen, and garbage of the hub's is not") {
    Together all;
    const auto client = all.client();
    const auto model = client->open({{"small", small_graph()}});
    all.hub->say({base::SharedBytes::copy_of(std::as_bytes(std::span("garbage")))});
    plan::Plan plan;
    plan.credits = 7;
    all.hub->say(wire::encode(wire::Replanned{101, 2, "a board joined", plan, {"another"}}));
    all.hub->say(wire::encode(wire::Answer{12345, 0, 0, 1, {}}));
    for (int i = 0; i < 1000 && model.plan().credits != 7; ++i)
        (void)client->status();
    CHECK(model.boards() == std::vector<std::string>{"another"});
    CHECK(model.plan().credits == 7);
}
