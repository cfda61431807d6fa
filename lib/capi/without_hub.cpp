// What stands in for hubs.cpp in a library without the hub.
#include "capi/support.hpp"

using namespace shoal;

namespace {

shoal_status no_hub() {
    return capi::left_out("the hub", "SHOAL_BUILD_HUB");
}

}  // namespace

struct shoal_hub {};

shoal_status shoal_start_hub(const shoal_hub_options*, shoal_hub**) {
    return no_hub();
}

size_t shoal_hub_endpoint_count(const shoal_hub*) {
    return 0;
}

const char* shoal_hub_endpoint(const shoal_hub*, size_t) {
    return nullptr;
}

shoal_status shoal_hub_get_state(const shoal_hub*, shoal_hub_state*) {
    return no_hub();
}

void shoal_stop_hub(shoal_hub*) {}
