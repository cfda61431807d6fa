// The C interface's places behind a hub.
#include "capi/hub_state.hpp"
#include "capi/support.hpp"
#include "client/client.hpp"
#include "session/remote_backend.hpp"
#include "transport/endpoint.hpp"
#include "transport/zmq_port.hpp"

using namespace shoal;
using base::Code;
using base::fail;

shoal_status shoal_connect(const shoal_connect_options* options, shoal_place** place) {
    return capi::guarded([&] {
        capi::expect(options, "the options");
        capi::expect(place, "where the place goes");
        const auto given = capi::read_options(options);
        capi::expect(given.endpoint, "the hub's endpoint");
        client::ClientOptions own;
        own.hub_endpoint = transport::hub_endpoint(given.endpoint);
        if (given.name != nullptr) own.name = given.name;
        own.connect_timeout = capi::wait_of(given.connect_timeout_ms, own.connect_timeout, "connect_timeout_ms");
        own.cancelled = capi::asks(given.cancellation);
        transport::PortOptions port;
        if (given.key_file != nullptr) port.keys = transport::Keys::load(given.key_file);
        if (given.hub_key_file != nullptr) own.hub_key = transport::PublicKey::load(given.hub_key_file);

        session::RemoteOptions remote;
        if (given.objective != 0 && given.objective != SHOAL_LATENCY && given.objective != SHOAL_THROUGHPUT)
            fail(Code::invalid_argument, "objective ", static_cast<int>(given.objective), " is none");
        if (given.objective != 0) remote.open.objective = static_cast<plan::Objective>(given.objective);
        remote.open.max_in_flight = given.max_in_flight;
        remote.open.timeout = capi::wait_of(given.open_timeout_ms, remote.open.timeout, "open_timeout_ms");
        remote.run_timeout = capi::wait_of(given.run_timeout_ms, remote.run_timeout, "run_timeout_ms");

        auto hub = std::make_shared<client::Client>(own, transport::make_zmq_port(std::move(port)));
        auto name = hub->hub();
        auto state = [hub](std::chrono::milliseconds timeout) { return capi::state_of(hub->status(timeout)); };
        *place =
            new shoal_place(std::move(name), session::make_remote_backend(std::move(hub), remote), std::move(state));
    });
}
