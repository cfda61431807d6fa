// Hub, nodes and client together, with real threads.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "graph/builder.hpp"
#include "graph/cards.hpp"
#include "runtime/host_backend.hpp"
#include "support/cluster.hpp"
#include "support/errors.hpp"
#include "support/networks.hpp"
#include "support/random.hpp"

using namespace shoal;
using base::Code;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Break;
using test::Cluster;
using test::ClusterBoard;
using Tensors = std::vector<tensor::Tensor>;

namespace {

using GraphPtr = std::shared_ptr<const graph::Graph>;

GraphPtr perceptron(unsigned seed, int layers, std::int64_t width, std::int64_t batch = 3) {
    std::mt19937 random(seed);
    graph::Builder builder("perceptron");
    const auto f32 = [](tensor::Shape shape) { return tensor::Type{tensor::ElementType::f32, std::move(shape)}; };
    auto x = builder.input("x", f32({batch, width}));
    for (int layer = 0; layer < layers; ++layer) {
        const auto weights = builder.constant(test::random_tensor(random, f32({width, width}), -0.2, 0.2));
        const auto bias = builder.constant(test::random_tensor(random, f32({batch, width})));
        x = builder.map("relu", {builder.map("add", {builder.matmul(x, weights), bias})});
    }
    builder.output("y", x);
    auto graph = builder.finish();
    for (std::uint32_t i = 0; i < graph.ops.size(); ++i)
        graph.ops[i].group = i / 3;
    graph::unique_names(graph);
    return std::make_shared<const graph::Graph>(std::move(graph));
}

GraphPtr classifier() {
    auto graph = test::classifier().graph;
    for (std::uint32_t i = 0; i < graph.ops.size(); ++i)
        graph.ops[i].group = i;
    graph::unique_names(graph);
    return std::make_shared<const graph::Graph>(std::move(graph));
}

Tensors inputs_for(const graph::Graph& graph, std::mt19937& random) {
    Tensors out;
    for (const auto& port : graph.inputs)
        out.push_back(test::random_tensor(random, graph.type(port.value)));
    return out;
}

// The whole model on the host: what every answer is held against.
class Oracle {
public:
    explicit Oracle(GraphPtr graph) : backend_(runtime::make_host_backend()), executable_(backend_->compile(*graph)) {}
    Tensors operator()(const Tensors& inputs) { return runtime::run_on_host_tensors(*backend_, *executable_, inputs); }

private:
    std::shared_ptr<runtime::Backend> backend_;
    std::unique_ptr<runtime::Executable> executable_;
};

bool equal(const Tensors& got, const Tensors& want) {
    return std::equal(got.begin(), got.end(), want.begin(), want.end(), [](const auto& a, const auto& b) {
        return a.type() == b.type() && std::ranges::equal(a.bytes(), b.bytes());
    });
}

// Requests with their answers, each counted.
class Load {
public:
    Load(const client::RemoteModel& model, const GraphPtr& graph) : model_(model), graph_(graph), oracle_(graph) {}

    void send(std::mt19937& random, base::Duration patience = seconds(60)) {
        auto item = std::make_shared<Item>();
        item->inputs = inputs_for(*graph_, random);
        items_.push_back(item);
        model_.submit(item->inputs, base::deadline_in(patience), [item](client::Reply reply) {
            item->reply = std::move(reply);
            ++item->ends;
        });
    }
    void until_ended() {
        const auto deadline = base::deadline_in(seconds(90));
        for (const auto& item : items_) {
            while (item->ends == 0 && base::SteadyClock::now() < deadline)
                std::this_thread::sleep_for(milliseconds(1));
            REQUIRE(item->ends == 1);
        }
    }
    /// How many were answered, all of them rightly.
    std::size_t check() {
        std::size_t answered = 0;
        for (const auto& item : items_) {
            CHECK(item->ends == 1);
            if (item->reply.error) continue;
            ++answered;
            CHECK(equal(item->reply.outputs, oracle_(item->inputs)));
        }
        return answered;
    }
    std::string first_error() const {
        for (const auto& item : items_) {
            if (item->reply.error) return item->reply.error->what();
        }
        return "";
    }
    [[nodiscard]] std::size_t sent() const { return items_.size(); }

private:
    struct Item {
        Tensors inputs{};
        client::Reply reply{};
        std::atomic<int> ends{0};
    };
    client::RemoteModel model_;
    GraphPtr graph_;
    Oracle oracle_;
    std::vector<std::shared_ptr<Item>> items_;
};

std::vector<ClusterBoard> boards(int count, std::uint64_t memory) {
    std::vector<ClusterBoard> out;
    for (int i = 0; i < count; ++i)
        out.push_back({std::string(1, static_cast<char>('a' + i)), memory});
    return out;
}

}  // namespace

TEST_CASE("a network divided over boards gives the same bytes as on one") {
    auto random = test::generator();
    for (const auto& graph : {perceptron(1, 8, 64), classifier()}) {
        const auto bytes = graph::constant_bytes(*graph);
        for (const int count : {1, 2, 3, 4}) {
            CAPTURE(count);
            Cluster cluster(boards(count, bytes / static_cast<unsigned>(count) + bytes / 6 + 100'000));
            const auto client = cluster.client();
            const auto model = client->open({{"net", graph}});
            Load load(model, graph);
            for (int i = 0; i < 20; ++i)
                load.send(random);
            load.until_ended();
            CHECK_MESSAGE(load.check() == 20, load.first_error());
            const auto status = client->status();
            REQUIRE(status.models.size() == 1);
            CHECK(status.models[0].answered == 20);
        }
    }
}

TEST_CASE("a stage for each board, when the planner is told so") {
    auto random = test::generator();
    const auto graph = perceptron(2, 8, 96);
    for (const int count : {2, 3, 4}) {
        CAPTURE(count);
        Cluster cluster(boards(count, graph::constant_bytes(*graph) * 10 / 9 / static_cast<unsigned>(count) + 60'000));
        const auto client = cluster.client();
        const auto model = client->open({{"net", graph}});
        CHECK(plan::leaves(model.plan().root).size() >= 2);
        Load load(model, graph);
        for (int i = 0; i < 50; ++i)
            load.send(random);
        load.until_ended();
        CHECK_MESSAGE(load.check() == 50, load.first_error());
    }
}

TEST_CASE("a board loses power, or its cable, under load") {
    auto random = test::generator();
    const auto graph = perceptron(3, 6, 64);
    for (const Break how : {Break::cut, Break::mute}) {
        CAPTURE(static_cast<int>(how));
        Cluster cluster(boards(3, graph::constant_bytes(*graph) * 7 / 10 + 60'000));
        const auto client = cluster.client();
        const auto model = client->open({{"net", graph}});
        Load load(model, graph);
        for (int i = 0; i < 40; ++i)
            load.send(random);
        cluster.break_board(model.boards().at(plan::leaves(model.plan().root).front().board), how);
        for (int i = 0; i < 40; ++i)
            load.send(random);
        load.until_ended();
        CHECK_MESSAGE(load.check() == 80, load.first_error());
    }
}

TEST_CASE("boards come and go under load: each request ends once, and no answer is wrong") {
    auto random = test::generator();
    const auto graph = perceptron(4, 6, 64);
    const auto all = boards(4, graph::constant_bytes(*graph) * 7 / 10 + 60'000);
    Cluster cluster(all);
    const auto client = cluster.client();
    const auto model = client->open({{"net", graph}});
    Load load(model, graph);
    const auto below = [&](int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random); };
    for (int round = 0; round < 12; ++round) {
        const auto& board = all[static_cast<std::size_t>(below(4))];
        for (int i = below(20); i > 0; --i)
            load.send(random);
        switch (below(4)) {
            case 0: cluster.stop_board(board.name); break;
            case 1:
                cluster.start_board(board);
                cluster.break_board(board.name, Break::cut);
                break;
            default: break;
        }
        for (int i = below(20); i > 0; --i)
            load.send(random);
        std::this_thread::sleep_for(milliseconds(below(200)));
        cluster.start_board(board);
    }
    load.until_ended();
    MESSAGE("answered ", load.check(), " of ", load.sent());
    cluster.until_boards(4);
    Load calm(model, graph);
    const auto deadline = base::deadline_in(seconds(60));
    while (cluster.hub().status().models.at(0).state != wire::ModelState::serving &&
           base::SteadyClock::now() < deadline)
        std::this_thread::sleep_for(milliseconds(5));
    for (int i = 0; i < 20; ++i)
        calm.send(random);
    calm.until_ended();
    CHECK_MESSAGE(calm.check() == 20, calm.first_error());
}

TEST_CASE("the hub is started again: nodes and clients find it, and requests go on") {
    auto random = test::generator();
    const auto graph = perceptron(5, 4, 32);
    Cluster cluster(boards(2, 1 << 20));
    const auto client = cluster.client();
    const auto model = client->open({{"net", graph}});
    Load load(model, graph);
    for (int i = 0; i < 10; ++i)
        load.send(random);
    cluster.stop_hub();
    for (int i = 0; i < 10; ++i)
        load.send(random);
    cluster.start_hub();
    load.until_ended();
    CHECK_MESSAGE(load.check() == 20, load.first_error());
}

TEST_CASE("a hub ends promptly whatever it does, twice too") {
    const auto graph = perceptron(6, 4, 32);
    Cluster cluster({});
    const auto client = cluster.client();
    CHECK(test::code_of([&] { (void)client->open({{"net", graph}}); }) == Code::unavailable);
    cluster.start_board({"a", 1 << 20});
    const auto model = client->open({{"net", graph}});
    cluster.hub().stop();
    cluster.hub().stop();
    CHECK(cluster.hub().status().models.size() == 1);
}
