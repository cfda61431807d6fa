// The C interface's node: being a board of a cluster inside a program.
#include "capi/support.hpp"
#include "node/node.hpp"
#include "transport/endpoint.hpp"
#include "transport/zmq_port.hpp"

using namespace shoal;
using base::Code;
using base::fail;

namespace {

const char* word(node::Event::Kind kind) {
    using Kind = node::Event::Kind;
    switch (kind) {
        case Kind::listening: return "listening";
        case Kind::hub_absent: return "hub absent";
        case Kind::joined: return "joined";
        case Kind::hub_lost: return "hub lost";
        case Kind::refused: return "refused";
        case Kind::stage_ready: return "stage ready";
        case Kind::stage_failed: return "stage failed";
        case Kind::stage_dropped: return "stage dropped";
    }
    return "?";
}

}  // namespace

struct shoal_node : capi::Handle<0x5ea10006> {
    std::unique_ptr<node::Node> node;
};

shoal_status shoal_start_node(const shoal_node_options* options, shoal_node** node) {
    return capi::guarded([&] {
        capi::expect(options, "the options");
        capi::expect(node, "where the node goes");
        const auto given = capi::read_options(options);
        capi::expect(given.name, "the board's name");
        capi::expect(given.hub_endpoint, "the hub's endpoint");
        node::NodeOptions own;
        own.board = given.name;
        own.hub_endpoint = transport::hub_endpoint(given.hub_endpoint);
        own.memory_limit_bytes = given.memory_limit_bytes;
        own.cache_folder = capi::text_or_empty(given.cache_folder);
        transport::PortOptions port;
        if (given.key_file != nullptr) {
            port.keys = transport::Keys::load(given.key_file);
            port.allowed = std::make_shared<transport::AllowList>();
        } else {
            own.data_endpoint = "tcp://127.0.0.1:*";
        }
        if (given.hub_key_file != nullptr) own.hub_key = transport::PublicKey::load(given.hub_key_file);
        if (given.data_endpoint != nullptr) own.data_endpoint = given.data_endpoint;
        if (given.on_event != nullptr) {
            own.on_event = [tell = given.on_event, user = given.user](const node::Event& event) {
                tell(user, word(event.kind), event.text.c_str());
            };
        }
        auto wishes = capi::texts_of(given.devices, given.device_count, "a device's name");
        if (wishes.empty()) wishes.emplace_back("best");
        own.cancelled = capi::asks(given.cancellation);
        auto backends = capi::open_backends(
            wishes, {given.threads, capi::text_or_empty(given.kernel_folder), given.driver_timeout_ms, own.cancelled});
        const auto allowed = port.allowed;
        auto out = std::make_unique<shoal_node>();
        out->node = std::make_unique<node::Node>(std::move(own), std::move(backends),
                                                 transport::make_zmq_port(std::move(port)), allowed);
        out->node->start();
        *node = out.release();
    });
}

shoal_status shoal_node_get_state(const shoal_node* node, shoal_node_state* state) {
    return capi::guarded([&] {
        capi::expect(node, "the node");
        capi::expect(state, "where the state goes");
        const auto own = node->node->state();
        capi::fill(state, {0, own.joined ? 1 : 0, own.memory_used_bytes, own.memory_peak_bytes, own.memory_limit_bytes,
                           own.runs, own.failures, own.stages});
    });
}

void shoal_stop_node(shoal_node* node) {
    capi::release(node);
}
