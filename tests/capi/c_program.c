/* The C interface from C: what it is for, and that the header is C. Returns 0, or the line that went wrong. */
#include <string.h>

#include "shoal/shoal.h"

#define EXPECT(condition)      \
    do {                       \
        if (!(condition)) {    \
            result = __LINE__; \
            goto end;          \
        }                      \
    } while (0)

int run_c_program(const void* file, size_t bytes);

/* The model adds 1 to "x" of two f32; "y" is the sum. */
int run_c_program(const void* file, size_t bytes) {
    int result = 0;
    shoal_place* place = NULL;
    shoal_model* model = NULL;
    shoal_results* results = NULL;
    const int64_t shape[] = {2};
    const float values[] = {1.5F, -4.0F};
    const shoal_input input = {"x", {SHOAL_F32, 1, shape, values, sizeof values}};
    shoal_device_options device;
    shoal_run_options options;
    shoal_tensor sum;
    const char* name = NULL;

    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.timeout_ms = 60000;
    EXPECT(shoal_abi() == SHOAL_ABI);
    memset(&device, 0, sizeof device);
    device.struct_size = sizeof device;
    device.wish = "host";
    EXPECT(shoal_open_device(&device, &place) == SHOAL_OK);
    EXPECT(shoal_load_model_bytes(file, bytes, place, NULL, &model) == SHOAL_OK);
    shoal_place_release(place);
    place = NULL;
    EXPECT(shoal_run(model, &input, 1, &options, &results) == SHOAL_OK);
    EXPECT(shoal_results_count(results) == 1);
    EXPECT(shoal_results_get(results, 0, &name, &sum) == SHOAL_OK);
    EXPECT(strcmp(name, "y") == 0);
    EXPECT(sum.element == SHOAL_F32 && sum.rank == 1 && sum.shape[0] == 2 && sum.bytes == sizeof values);
    EXPECT(((const float*)sum.data)[0] == 2.5F && ((const float*)sum.data)[1] == -3.0F);
    EXPECT(shoal_results_find(results, "z", &sum) == SHOAL_NOT_FOUND);
    EXPECT(strlen(shoal_last_error()) > 0);
end:
    shoal_results_release(results);
    shoal_model_release(model);
    shoal_place_release(place);
    return result;
}
