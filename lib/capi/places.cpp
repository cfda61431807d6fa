// The C interface's places: devices of this machine, and clusters behind a hub.
#include <algorithm>
#include <optional>

#include "capi/support.hpp"
#include "client/client.hpp"
#include "opencl/discovery.hpp"
#include "session/remote_backend.hpp"
#include "transport/zmq_port.hpp"

using namespace shoal;
using base::Code;
using base::fail;

struct shoal_devices {
    opencl::Discovery found;
    std::string problems;
};

shoal_status shoal_find_devices(shoal_devices** devices) {
    return capi::guarded([&] {
        capi::expect(devices, "where the devices go");
        auto out = std::make_unique<shoal_devices>();
        out->found = opencl::discover();
        for (const auto& problem : out->found.problems)
            out->problems += (out->problems.empty() ? "" : "\n") + problem;
        *devices = out.release();
    });
}

size_t shoal_devices_count(const shoal_devices* devices) {
    return devices == nullptr ? 0 : devices->found.devices.size();
}

shoal_status shoal_devices_get(const shoal_devices* devices, size_t index, shoal_device* device) {
    return capi::guarded([&] {
        capi::expect(devices, "the list of devices");
        capi::expect(device, "where the device goes");
        if (index >= devices->found.devices.size())
            fail(Code::invalid_argument, "device ", index, " of ", devices->found.devices.size());
        const auto& info = devices->found.devices[index].info;
        *device = {info.id.c_str(),
                   info.name.c_str(),
                   info.vendor.c_str(),
                   info.driver.c_str(),
                   static_cast<shoal_device_kind>(info.kind),
                   info.compute_units,
                   info.usable_bytes};
    });
}

const char* shoal_devices_problems(const shoal_devices* devices) {
    return devices == nullptr ? "" : devices->problems.c_str();
}

void shoal_devices_release(shoal_devices* devices) {
    delete devices;
}

shoal_status shoal_open_device(const char* wish, int32_t threads, shoal_place** place) {
    return capi::guarded([&] {
        capi::expect(place, "where the place goes");
        auto backend = capi::open_backends({capi::text_or_empty(wish)}, threads).at(0);
        auto name = backend->device().name;
        *place = new shoal_place{std::move(name), std::move(backend)};
    });
}

namespace {

std::chrono::milliseconds milliseconds_or(std::int64_t given, std::chrono::milliseconds otherwise, const char* what) {
    if (given < 0) fail(Code::invalid_argument, what, " is ", given, " ms");
    constexpr std::int64_t kMost = std::chrono::milliseconds(base::kLongestWait).count();
    return given == 0 ? otherwise : std::chrono::milliseconds(std::min(given, kMost));
}

}  // namespace

shoal_status shoal_connect(const shoal_connect_options* options, shoal_place** place) {
    return capi::guarded([&] {
        capi::expect(options, "the options");
        capi::expect(place, "where the place goes");
        const auto given = capi::read_options(options);
        capi::expect(given.endpoint, "the hub's endpoint");
        client::ClientOptions own;
        own.hub_endpoint = given.endpoint;
        if (given.name != nullptr) own.name = given.name;
        own.connect_timeout = milliseconds_or(given.connect_timeout_ms, own.connect_timeout, "connect_timeout_ms");
        transport::PortOptions port;
        if (given.key_file != nullptr) port.keys = transport::Keys::load(given.key_file);
        if (given.hub_key_file != nullptr) own.hub_key = transport::PublicKey::load(given.hub_key_file);

        session::RemoteOptions remote;
        if (given.objective != 0 && given.objective != SHOAL_LATENCY && given.objective != SHOAL_THROUGHPUT)
            fail(Code::invalid_argument, "objective ", static_cast<int>(given.objective), " is none");
        if (given.objective != 0) remote.open.objective = static_cast<plan::Objective>(given.objective);
        remote.open.max_in_flight = given.max_in_flight;
        remote.open.timeout = milliseconds_or(given.open_timeout_ms, remote.open.timeout, "open_timeout_ms");
        remote.run_timeout = milliseconds_or(given.run_timeout_ms, remote.run_timeout, "run_timeout_ms");

        auto hub = std::make_shared<client::Client>(own, transport::make_zmq_port(std::move(port)));
        auto name = hub->hub();
        *place = new shoal_place{std::move(name), session::make_remote_backend(std::move(hub), remote)};
    });
}

const char* shoal_place_name(const shoal_place* place) {
    return place == nullptr ? "" : place->name.c_str();
}

void shoal_place_release(shoal_place* place) {
    delete place;
}
