// The C interface's places of several devices that share a model's work.
#include "capi/support.hpp"
#include "local/shared_devices.hpp"
#include "session/remote_backend.hpp"

using namespace shoal;

shoal_status shoal_share_devices(const shoal_share_options* options, shoal_place** place) {
    return capi::guarded([&] {
        capi::expect(place, "where the place goes");
        const auto given = capi::read_options(options);
        auto wishes = capi::texts_of(given.devices, given.device_count, "a device's name");
        if (wishes.empty()) wishes.emplace_back("all");
        local::SharingOptions own;
        own.memory_limit_bytes = given.memory_limit_bytes;
        own.cache_folder = capi::text_or_empty(given.cache_folder);
        own.cancelled = capi::asks(given.cancellation);
        auto devices = capi::open_backends(wishes, {given.threads, {}, given.driver_timeout_ms, own.cancelled});
        std::string name;
        for (const auto& device : devices)
            name += (name.empty() ? "" : ", ") + device->device().name;
        *place = new shoal_place(std::move(name),
                                 session::make_remote_backend(local::share_devices(std::move(devices), own)));
    });
}
