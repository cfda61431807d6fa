// The C interface's hub inside a program.
#include "hub/hub.hpp"

#include "capi/support.hpp"
#include "transport/zmq_port.hpp"

using namespace shoal;
using base::Code;
using base::fail;

namespace {

const char* word(hub::Event::Kind kind) {
    using Kind = hub::Event::Kind;
    switch (kind) {
        case Kind::board_joined: return "board joined";
        case Kind::board_lost: return "board lost";
        case Kind::planned: return "planned";
        case Kind::replanned: return "replanned";
        case Kind::model_failed: return "model failed";
        case Kind::client_joined: return "client joined";
        case Kind::client_left: return "client left";
    }
    return "?";
}

}  // namespace

struct shoal_hub {
    std::unique_ptr<hub::Hub> hub;
    std::vector<std::string> endpoints;
};

shoal_status shoal_start_hub(const shoal_hub_options* options, shoal_hub** hub) {
    return capi::guarded([&] {
        capi::expect(options, "the options");
        capi::expect(hub, "where the hub goes");
        const auto given = capi::read_options(options);
        hub::HubOptions own;
        if (given.name != nullptr) own.name = given.name;
        own.endpoints = capi::texts_of(given.endpoints, given.endpoint_count, "an endpoint");
        if (own.endpoints.empty()) fail(Code::invalid_argument, "the hub has no endpoint to serve");
        own.cache_folder = capi::text_or_empty(given.cache_folder);
        transport::PortOptions port;
        if (given.key_file != nullptr) {
            port.keys = transport::Keys::load(given.key_file);
            port.allowed = std::make_shared<transport::AllowList>();
            capi::expect(given.allowed_path, "who may connect (allowed_path)");
            port.allowed->load(given.allowed_path);
        }
        if (given.on_event != nullptr) {
            own.on_event = [tell = given.on_event, user = given.user](const hub::Event& event) {
                tell(user, word(event.kind), (event.subject + ": " + event.text).c_str());
            };
        }
        port.limits.connections = own.limits.connections();
        const auto allowed = port.allowed;
        auto out = std::make_unique<shoal_hub>();
        out->hub = std::make_unique<hub::Hub>(std::move(own), transport::make_zmq_port(std::move(port)), allowed);
        out->endpoints = out->hub->start();
        *hub = out.release();
    });
}

size_t shoal_hub_endpoint_count(const shoal_hub* hub) {
    return hub == nullptr ? 0 : hub->endpoints.size();
}

const char* shoal_hub_endpoint(const shoal_hub* hub, size_t index) {
    return hub == nullptr || index >= hub->endpoints.size() ? nullptr : hub->endpoints[index].c_str();
}

shoal_status shoal_hub_get_state(const shoal_hub* hub, shoal_hub_state* state) {
    return capi::guarded([&] {
        capi::expect(hub, "the hub");
        capi::expect(state, "where the state goes");
        const auto status = hub->hub->status();
        shoal_hub_state out{};
        for (const auto& board : status.boards)
            out.boards += board.state == wire::BoardState::ready ? 1 : 0;
        out.clients = status.clients.size();
        out.models = status.models.size();
        for (const auto& model : status.models) {
            out.answered += model.answered;
            out.failed += model.failed;
        }
        capi::fill(state, out);
    });
}

void shoal_stop_hub(shoal_hub* hub) {
    delete hub;
}
