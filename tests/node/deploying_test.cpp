// Stages that come and go: room, epochs, what compiled once stays, and everything that can go wrong on the way.
#include <doctest/doctest.h>

#include "node/boards.hpp"
#include "node/gated_backend.hpp"
#include "support/errors.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

constexpr std::uint64_t kWeights = 127 * 127 * 4, kRow = 127 * 4;

// The limit of which so much can be claimed.
constexpr std::uint64_t limit_for(std::uint64_t claimable) {
    std::uint64_t limit = claimable;
    while (limit - limit / 64 < claimable)
        ++limit;
    return limit;
}

struct Setting {
    explicit Setting(std::uint64_t limit = 64 << 20)
        : board(network, "a", limit, {std::make_shared<GatedBackend>(gates)}) {
        hub.await_boards(1);
    }
    ~Setting() {
        gates->compile.open();
        gates->run.open();
    }

    std::shared_ptr<transport::InProcessNetwork> network = transport::make_in_process_network();
    std::shared_ptr<Gates> gates = std::make_shared<Gates>();
    std::mt19937 random = generator();
    FakeHub hub{network};
    TestBoard board;

    wire::Deploy deploy(const graph::Graph& graph, std::uint32_t epoch = 1, std::uint32_t stage = 0) {
        auto out = chain_deploy(hub, graph, stage, "", "", 1, 7, epoch);
        return out;
    }
};

}  // namespace

TEST_CASE("a stage that does not fit is refused with both numbers, and one that just fits is not") {
    // Weights, the value between matmul and relu, and one request's input and output.
    constexpr std::uint64_t kNeeded = kWeights + kRow + 2 * kRow;
    auto random = generator();
    const auto graph = layer(random, 127);
    {
        Setting tight(limit_for(kNeeded) - 1);
        tight.hub.say("a", tight.deploy(graph));
        const auto failed = tight.hub.expect<wire::DeployFailed>("a");
        CHECK(failed.code == base::Code::does_not_fit);
        CHECK(says(failed.text, std::to_string(kNeeded)));
        CHECK(says(failed.text, std::to_string(kNeeded - 1)));
        CHECK(tight.board->state().memory_used_bytes < 1000);
        CHECK(tight.gates->compiles == 0);
    }
    Setting enough(limit_for(kNeeded));
    enough.hub.say("a", enough.deploy(graph));
    const auto ready = enough.hub.expect<wire::Ready>("a");
    CHECK(ready.weight_bytes + ready.activation_bytes + ready.result_bytes == kNeeded);
    const auto x = random_tensor(random, Type{ElementType::f32, Shape{1, 127}});
    for (std::uint64_t request = 1; request <= 20; ++request) {
        enough.hub.say("a", activation(request, x));
        CHECK(difference(enough.hub.expect<wire::Result>("a").parts.at(0).tensor, run_here(graph, {x})[0]) == "");
    }
    CHECK(enough.board->state().memory_peak_bytes <= limit_for(kNeeded));
    CHECK(enough.board->state().memory_peak_bytes >= kWeights + kRow);
}

TEST_CASE("more requests at a time need more room") {
    auto random = generator();
    const auto graph = layer(random, 127);
    Setting tight(limit_for(kWeights + kRow + 2 * kRow));
    auto deploy = tight.deploy(graph);
    deploy.credits = 2;
    tight.hub.say("a", deploy);
    CHECK(tight.hub.expect<wire::DeployFailed>("a").code == base::Code::does_not_fit);
    deploy.credits = ~std::uint32_t{0};
    deploy.epoch = 2;
    tight.hub.say("a", deploy);
    CHECK(tight.hub.expect<wire::DeployFailed>("a").code == base::Code::does_not_fit);
}

TEST_CASE("a new epoch takes over what is compiled, and frees what is not wanted") {
    Setting s;
    const auto graph = layer(s.random, 13), other = layer(s.random, 16);
    s.hub.say("a", s.deploy(graph));
    s.hub.expect<wire::Ready>("a");
    s.hub.say("a", s.deploy(other, 2, 0));
    s.hub.say("a", s.deploy(graph, 2, 1));
    s.hub.say("a", wire::Undeploy{7, 1});
    s.hub.expect<wire::Ready>("a");
    s.hub.expect<wire::Ready>("a");
    CHECK(s.gates->compiles == 2);
    s.hub.until([&] { return s.board->state().stages == 2; });
    const auto x = random_tensor(s.random, Type{ElementType::f32, Shape{1, 13}});
    s.hub.say("a", activation(1, x, 1, 7, 2));
    CHECK(difference(s.hub.expect<wire::Result>("a").parts.at(0).tensor, run_here(graph, {x})[0]) == "");
    // What belongs to the old epoch is nobody's.
    s.hub.say("a", activation(2, x, 0, 7, 1));
    s.hub.until([&] { return s.board->state().dropped_messages == 1; });
    s.hub.say("a", wire::Undeploy{7, 2});
    s.hub.until([&] { return s.board->state().stages == 0 && s.board->state().memory_used_bytes == 0; });
}

TEST_CASE("what is compiled already but has no room for its messages is refused, and does not wait for itself") {
    Setting s(limit_for(kWeights + kRow + 2 * kRow));
    const auto graph = layer(s.random, 127);
    s.hub.say("a", s.deploy(graph));
    s.hub.expect<wire::Ready>("a");
    auto wider = s.deploy(graph, 2);
    wider.credits = 2;
    s.hub.say("a", wider);
    s.hub.say("a", wire::Undeploy{7, 1});
    const auto failed = s.hub.expect<wire::DeployFailed>("a");
    CHECK(failed.epoch == 2);
    CHECK(failed.code == base::Code::does_not_fit);
}

TEST_CASE("where two epochs do not fit beside each other, the new one waits for the old one to go") {
    Setting s(limit_for(kWeights + kRow + 2 * kRow));
    const auto first = layer(s.random, 127), second = layer(s.random, 127);
    s.hub.say("a", s.deploy(first));
    s.hub.expect<wire::Ready>("a");
    s.hub.say("a", s.deploy(second, 2));
    s.hub.run_for(std::chrono::milliseconds(100));
    CHECK_FALSE(s.hub.next<wire::Ready>("a"));
    CHECK_FALSE(s.hub.next<wire::DeployFailed>("a"));
    s.hub.say("a", wire::Undeploy{7, 1});
    CHECK(s.hub.expect<wire::Ready>("a").epoch == 2);
    CHECK(s.board->state().memory_peak_bytes <= s.board->state().memory_limit_bytes);

    // The same while the old one runs: its memory goes when the run is over.
    s.gates->run.close();
    s.gates->ignores_cancellation = true;
    s.hub.say("a", activation(1, Tensor(Type{ElementType::f32, Shape{1, 127}}), 0, 7, 2));
    s.hub.until([&] { return s.gates->run.waiting() == 1; });
    s.hub.say("a", s.deploy(first, 3));
    s.hub.say("a", wire::Undeploy{7, 2});
    s.hub.run_for(std::chrono::milliseconds(100));
    CHECK_FALSE(s.hub.next<wire::Ready>("a"));
    s.gates->run.open();
    CHECK(s.hub.expect<wire::Ready>("a").epoch == 3);
    CHECK(s.board->state().memory_peak_bytes <= s.board->state().memory_limit_bytes);
}

TEST_CASE("what cannot be made ready is reported, and the node goes on") {
    Setting s;
    const auto graph = layer(s.random, 13);
    s.gates->compile_fails = true;
    s.hub.say("a", s.deploy(graph));
    auto failed = s.hub.expect<wire::DeployFailed>("a");
    CHECK(failed.code == base::Code::device);
    CHECK(says(failed.text, "no compiler"));
    s.gates->compile_fails = false;

    auto deploy = s.deploy(graph, 2);
    deploy.device = 5;
    s.hub.say("a", deploy);
    CHECK(s.hub.expect<wire::DeployFailed>("a").code == base::Code::invalid_argument);

    // The hub lacks the weights, or has others than it says.
    const auto lost = layer(s.random, 3);
    deploy = s.deploy(lost, 3);
    const auto digest = wire::blobs_of(deploy.graph).at(0).digest;
    const auto bytes = s.hub.blobs.at(digest);
    s.hub.blobs.erase(digest);
    s.hub.say("a", deploy);
    CHECK(s.hub.expect<wire::DeployFailed>("a").code == base::Code::not_found);
    s.hub.blobs[digest] = base::SharedBytes::own(std::vector<std::byte>(bytes.size()));
    deploy.epoch = 4;
    s.hub.say("a", deploy);
    failed = s.hub.expect<wire::DeployFailed>("a");
    CHECK(failed.code == base::Code::network);
    CHECK(says(failed.text, digest.brief()));
    s.hub.blobs[digest] = base::SharedBytes::own(std::vector<std::byte>(bytes.size() + 4));
    deploy.epoch = 5;
    s.hub.say("a", deploy);
    CHECK(s.hub.expect<wire::DeployFailed>("a").code == base::Code::network);
    s.hub.blobs[digest] = bytes;
    deploy.epoch = 6;
    s.hub.say("a", deploy);
    CHECK(s.hub.expect<wire::Ready>("a").epoch == 6);
    s.hub.until([&] { return s.board->state().stages == 1; });
}

TEST_CASE("weights of several pieces come once, for stages that want them at the same time too") {
    Setting s;
    const auto graph = layer(s.random, 700);  // 1.9 MB
    s.hub.say("a", s.deploy(graph, 1, 0));
    s.hub.say("a", s.deploy(graph, 1, 1));
    s.hub.expect<wire::Ready>("a");
    s.hub.expect<wire::Ready>("a");
    CHECK(s.hub.blob_bytes_sent == 700 * 700 * 4);
    s.hub.until([&] { return s.hub.heartbeats["a"].cached_bytes == 700 * 700 * 4; });
    const auto progress = s.hub.expect<wire::DeployProgress>("a");
    CHECK(progress.phase == "weights");
    CHECK(progress.total == 700 * 700 * 4);
}

TEST_CASE("a stage behind nobody is told so") {
    Setting s;
    auto deploy = chain_deploy(s.hub, layer(s.random, 3), 0, "", "nobody");
    s.hub.say("a", deploy);
    const auto failed = s.hub.expect<wire::DeployFailed>("a");
    CHECK(failed.code == base::Code::unavailable);
    CHECK(says(failed.text, "nobody"));
}

TEST_CASE("a stage undeployed while it compiles leaves nothing") {
    Setting s;
    s.gates->compile.close();
    s.hub.say("a", s.deploy(layer(s.random, 13)));
    s.hub.until([&] { return s.gates->compile.waiting() == 1; });
    s.hub.say("a", wire::Undeploy{7, 1});
    s.hub.until([&] { return s.board->state().stages == 0; });
    s.gates->compile.open();
    s.hub.say("a", s.deploy(layer(s.random, 16), 2));
    CHECK(s.hub.expect<wire::Ready>("a").epoch == 2);
    s.hub.say("a", wire::Undeploy{7, 2});
    s.hub.until([&] { return s.board->state().memory_used_bytes == 0; });
}

TEST_CASE("a restarted node has its weights already") {
    auto random = generator();
    const auto network = transport::make_in_process_network();
    FakeHub hub(network);
    const TemporaryFolder folder;
    node::NodeOptions options;
    options.board = "a";
    options.hub_endpoint = "inproc://hub";
    options.data_endpoint = "inproc://*";
    options.memory_limit_bytes = 1 << 20;
    options.cache_folder = folder.path();
    const auto graph = layer(random, 127);
    for (int start = 0; start < 2; ++start) {
        node::Node node(options, {runtime::make_host_backend()}, transport::make_in_process_port(network));
        node.start();
        hub.await_boards(1);
        hub.say("a", chain_deploy(hub, graph, 0, "", "", 1));
        hub.expect<wire::Ready>("a");
        CHECK(hub.blob_bytes_sent == kWeights);
        node.stop();
        hub.until([&] { return hub.next<wire::Goodbye>("a").has_value(); });
        hub.boards.clear();
    }
}
