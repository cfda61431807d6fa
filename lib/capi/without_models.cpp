// What stands in for models.cpp and hub_places.cpp in a library that cannot read models: boards that work for others.
#include "capi/support.hpp"

using namespace shoal;

namespace {

shoal_status no_models() {
    return capi::left_out("the importer", "SHOAL_BUILD_IMPORTER");
}

}  // namespace

struct shoal_model {};
struct shoal_results {};

shoal_status shoal_connect(const shoal_connect_options*, shoal_place**) {
    return no_models();
}

shoal_status shoal_load_model(const char*, shoal_place*, const shoal_model_options*, shoal_model**) {
    return no_models();
}

shoal_status shoal_load_model_bytes(const void*, size_t, shoal_place*, const shoal_model_options*, shoal_model**) {
    return no_models();
}

size_t shoal_model_input_count(const shoal_model*) {
    return 0;
}

size_t shoal_model_output_count(const shoal_model*) {
    return 0;
}

shoal_status shoal_model_input(const shoal_model*, size_t, shoal_value*) {
    return no_models();
}

shoal_status shoal_model_output(const shoal_model*, size_t, shoal_value*) {
    return no_models();
}

void shoal_model_release(shoal_model*) {}

size_t shoal_results_count(const shoal_results*) {
    return 0;
}

shoal_status shoal_results_get(const shoal_results*, size_t, const char**, shoal_tensor*) {
    return no_models();
}

shoal_status shoal_results_find(const shoal_results*, const char*, shoal_tensor*) {
    return no_models();
}

void shoal_results_release(shoal_results*) {}

shoal_status shoal_prepare(shoal_model*, const shoal_input*, size_t, const shoal_run_options*) {
    return no_models();
}

shoal_status shoal_run(shoal_model*, const shoal_input*, size_t, const shoal_run_options*, shoal_results**) {
    return no_models();
}

shoal_status shoal_submit(shoal_model*, const shoal_input*, size_t, const shoal_run_options*, shoal_done_function,
                          void*) {
    return no_models();
}
