// The C interface's places: devices of this machine.
#include "capi/support.hpp"

using namespace shoal;
using base::Code;
using base::fail;

struct shoal_devices : capi::Handle<0x5ea10003> {
    opencl::Discovery found;
    std::string problems;
};

shoal_status shoal_find_devices(const shoal_find_options* options, shoal_devices** devices) {
    return capi::guarded([&] {
        capi::expect(devices, "where the devices go");
        auto out = std::make_unique<shoal_devices>();
        out->found = capi::find_devices(capi::read_options(options).driver_timeout_ms);
        for (const auto& problem : out->found.problems)
            out->problems += (out->problems.empty() ? "" : "\n") + problem;
        *devices = out.release();
    });
}

size_t shoal_devices_count(const shoal_devices* devices) {
    return capi::is_valid(devices) ? devices->found.devices.size() : 0;
}

shoal_status shoal_devices_get(const shoal_devices* devices, size_t index, shoal_device* device) {
    return capi::guarded([&] {
        capi::expect(devices, "the list of devices");
        capi::expect(device, "where the device goes");
        if (index >= devices->found.devices.size())
            fail(Code::invalid_argument, "device ", index, " of ", devices->found.devices.size());
        const auto& info = devices->found.devices[index].info;
        capi::fill(device, {0, info.id.c_str(), info.name.c_str(), info.vendor.c_str(), info.driver.c_str(),
                            static_cast<shoal_device_kind>(info.kind), info.compute_units, info.usable_bytes});
    });
}

const char* shoal_devices_problems(const shoal_devices* devices) {
    return capi::is_valid(devices) ? devices->problems.c_str() : "";
}

void shoal_devices_release(shoal_devices* devices) {
    capi::release(devices);
}

shoal_status shoal_open_device(const shoal_device_options* options, shoal_place** place) {
    return capi::guarded([&] {
        capi::expect(place, "where the place goes");
        const auto given = capi::read_options(options);
        auto backend =
            capi::open_backend(capi::text_or_empty(given.wish),
                               {given.threads, capi::text_or_empty(given.kernel_folder), given.driver_timeout_ms});
        auto name = backend->device().name;
        *place = new shoal_place(std::move(name), std::move(backend));
    });
}

const char* shoal_place_name(const shoal_place* place) {
    return capi::is_valid(place) ? place->name.c_str() : "";
}

shoal_status shoal_place_get_hub_state(const shoal_place* place, int64_t timeout_ms, shoal_hub_state* state) {
    return capi::guarded([&] {
        capi::expect(place, "the place");
        capi::expect(state, "where the state goes");
        const auto timeout = capi::wait_of(timeout_ms, std::chrono::seconds(2), "timeout_ms");
        if (!place->hub_state)
            fail(Code::unsupported, "'", place->name, "' is a device of this machine, not a cluster");
        capi::fill(state, place->hub_state(timeout));
    });
}

void shoal_place_release(shoal_place* place) {
    capi::release(place);
}
