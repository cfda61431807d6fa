// What stands in for shared_places.cpp in a library without the hub, or without models that could run there.
#include "capi/support.hpp"

shoal_status shoal_share_devices(const shoal_share_options*, shoal_place**) {
    return shoal::capi::left_out("what devices share models with", "SHOAL_BUILD_HUB=ON -DSHOAL_BUILD_IMPORTER");
}
