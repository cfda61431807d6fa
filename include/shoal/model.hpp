// Models and where they run: a device of this machine or a cluster. Part of shoal.hpp.
#ifndef SHOAL_MODEL_HPP
#define SHOAL_MODEL_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shoal/cancellation.hpp"
#include "shoal/tensor.hpp"

namespace shoal {

/// The OpenCL devices of this machine.
class Devices {
public:
    /// Each driver that is tried may take so long; 0: ten seconds.
    explicit Devices(std::chrono::milliseconds driver_timeout = {}) {
        shoal_devices* out = nullptr;
        const shoal_find_options options{sizeof options, driver_timeout.count()};
        detail::check(shoal_find_devices(&options, &out));
        handle_.reset(out);
    }
    [[nodiscard]] std::size_t size() const noexcept { return shoal_devices_count(handle_.get()); }
    [[nodiscard]] shoal_device operator[](std::size_t index) const {
        shoal_device out{};
        out.struct_size = sizeof out;
        detail::check(shoal_devices_get(handle_.get(), index, &out));
        return out;
    }
    [[nodiscard]] std::string_view problems() const { return shoal_devices_problems(handle_.get()); }

private:
    detail::Owned<shoal_devices, shoal_devices_release> handle_;
};

/// See shoal_device_options.
struct DeviceOptions {
    std::string wish{};
    int threads = 0;
    std::string kernel_folder{};
    std::chrono::milliseconds driver_timeout{0};
};

/// See shoal_share_options.
struct ShareOptions {
    std::vector<std::string> devices{};  ///< none: all
    int threads = 0;
    std::uint64_t memory_limit_bytes = 0;
    std::string cache_folder{};
    std::chrono::milliseconds driver_timeout{0};
    std::optional<Cancellation> cancellation{};
};

/// How to reach a hub; see shoal_connect_options.
struct HubAddress {
    std::string endpoint;
    std::string key_file{}, hub_key_file{};
    std::string client_name{};
    std::chrono::milliseconds connect_timeout{0}, open_timeout{0}, run_timeout{0};
    shoal_objective objective = SHOAL_LATENCY;
    std::uint32_t max_in_flight = 0;
    std::optional<Cancellation> cancellation{};  ///< ends the connecting
};

/// Where models run: a device of this machine, several that share, or a cluster.
class Place {
public:
    /// See shoal_open_device.
    [[nodiscard]] static Place device(const std::string& wish = "best", int threads = 0) {
        return device(DeviceOptions{wish, threads});
    }
    [[nodiscard]] static Place device(const DeviceOptions& options) {
        shoal_device_options own{};
        own.struct_size = sizeof own;
        own.wish = detail::or_null(options.wish);
        own.threads = options.threads;
        own.kernel_folder = detail::or_null(options.kernel_folder);
        own.driver_timeout_ms = options.driver_timeout.count();
        shoal_place* out = nullptr;
        detail::check(shoal_open_device(&own, &out));
        return Place(out);
    }
    /// See shoal_share_devices.
    [[nodiscard]] static Place shared(const ShareOptions& options = {}) {
        std::vector<const char*> devices;
        for (const auto& device : options.devices)
            devices.push_back(device.c_str());
        shoal_share_options own{};
        own.struct_size = sizeof own;
        own.devices = devices.data();
        own.device_count = devices.size();
        own.threads = options.threads;
        own.memory_limit_bytes = options.memory_limit_bytes;
        own.cache_folder = detail::or_null(options.cache_folder);
        own.driver_timeout_ms = options.driver_timeout.count();
        own.cancellation = options.cancellation ? options.cancellation->get() : nullptr;
        shoal_place* out = nullptr;
        detail::check(shoal_share_devices(&own, &out));
        return Place(out);
    }
    /// See shoal_connect.
    [[nodiscard]] static Place cluster(const HubAddress& address) {
        shoal_connect_options options{};
        options.struct_size = sizeof options;
        options.endpoint = address.endpoint.c_str();
        options.key_file = detail::or_null(address.key_file);
        options.hub_key_file = detail::or_null(address.hub_key_file);
        options.name = detail::or_null(address.client_name);
        options.connect_timeout_ms = address.connect_timeout.count();
        options.open_timeout_ms = address.open_timeout.count();
        options.run_timeout_ms = address.run_timeout.count();
        options.objective = address.objective;
        options.max_in_flight = address.max_in_flight;
        options.cancellation = address.cancellation ? address.cancellation->get() : nullptr;
        shoal_place* out = nullptr;
        detail::check(shoal_connect(&options, &out));
        return Place(out);
    }
    [[nodiscard]] std::string_view name() const { return shoal_place_name(handle_.get()); }
    /// Of the cluster; see shoal_place_get_hub_state. 0: two seconds.
    [[nodiscard]] shoal_hub_state hub_state(std::chrono::milliseconds timeout = {}) const {
        shoal_hub_state out{};
        out.struct_size = sizeof out;
        detail::check(shoal_place_get_hub_state(handle_.get(), timeout.count(), &out));
        return out;
    }
    [[nodiscard]] shoal_place* get() const noexcept { return handle_.get(); }

private:
    explicit Place(shoal_place* owned) : handle_(owned) {}
    detail::Owned<shoal_place, shoal_place_release> handle_;
};

struct RunOptions {
    std::chrono::milliseconds timeout{0};  ///< from now; 0: none
    std::optional<Cancellation> cancellation{};
    bool tell_busy = false;  ///< a full hub is SHOAL_BUSY at once, instead of being asked again until the deadline
};

/// How a submitted run ended: outputs, or why not.
struct Finished {
    std::optional<Outputs> outputs{};
    std::optional<Error> error{};
};

class Model {
public:
    /// An ONNX file to run at that place; see shoal_load_model.
    Model(const std::string& path, const Place& place, std::uint32_t in_flight = 0, std::uint32_t queued = 0) {
        const shoal_model_options options{sizeof options, in_flight, queued};
        shoal_model* out = nullptr;
        detail::check(shoal_load_model(path.c_str(), place.get(), &options, &out));
        handle_.reset(out);
    }
    Model(std::span<const std::byte> file, const Place& place, std::uint32_t in_flight = 0, std::uint32_t queued = 0) {
        const shoal_model_options options{sizeof options, in_flight, queued};
        shoal_model* out = nullptr;
        detail::check(shoal_load_model_bytes(file.data(), file.size(), place.get(), &options, &out));
        handle_.reset(out);
    }

    /// Inputs and outputs as the model declares them.
    [[nodiscard]] std::vector<shoal_value> inputs() const {
        return values(shoal_model_input_count(handle_.get()), shoal_model_input);
    }
    [[nodiscard]] std::vector<shoal_value> outputs() const {
        return values(shoal_model_output_count(handle_.get()), shoal_model_output);
    }

    /// Compiles, or deploys, for inputs of these types and shapes.
    void prepare(const Inputs& inputs, const RunOptions& options = {}) {
        const auto views = inputs.views();
        const auto own = c_options(options);
        detail::check(shoal_prepare(handle_.get(), views.data(), views.size(), &own));
    }
    /// Runs once and waits.
    [[nodiscard]] Outputs run(const Inputs& inputs, const RunOptions& options = {}) {
        const auto views = inputs.views();
        const auto own = c_options(options);
        shoal_results* out = nullptr;
        detail::check(shoal_run(handle_.get(), views.data(), views.size(), &own, &out));
        return Outputs(out);
    }
    /// Runs without waiting. `done` is called once, on a thread of the model's; what it throws ends the program, as
    /// from any thread.
    void submit(const Inputs& inputs, std::function<void(Finished)> done, const RunOptions& options = {}) {
        const auto views = inputs.views();
        const auto own = c_options(options);
        auto held = std::make_unique<std::function<void(Finished)>>(std::move(done));
        detail::check(shoal_submit(handle_.get(), views.data(), views.size(), &own, &Model::call, held.get()));
        (void)held.release();  // call() takes it over
    }
    /// The same with a future, which throws what run() throws.
    [[nodiscard]] std::future<Outputs> start(const Inputs& inputs, const RunOptions& options = {}) {
        const auto promise = std::make_shared<std::promise<Outputs>>();
        auto out = promise->get_future();
        submit(
            inputs,
            [promise](Finished run) {
                if (run.error)
                    promise->set_exception(std::make_exception_ptr(*run.error));
                else
                    promise->set_value(std::move(*run.outputs));
            },
            options);
        return out;
    }

private:
    static void call(void* user, shoal_status status, const char* error, shoal_results* results) noexcept {
        const std::unique_ptr<std::function<void(Finished)>> done(static_cast<std::function<void(Finished)>*>(user));
        Finished run;
        if (status == SHOAL_OK)
            run.outputs.emplace(results);
        else
            run.error.emplace(status, error);
        (*done)(std::move(run));
    }
    static shoal_run_options c_options(const RunOptions& options) {
        return {sizeof(shoal_run_options), options.timeout.count(),
                options.cancellation ? options.cancellation->get() : nullptr, options.tell_busy ? 1 : 0};
    }
    template <class Get>
    std::vector<shoal_value> values(std::size_t count, Get get) const {
        std::vector<shoal_value> out(count);
        for (std::size_t i = 0; i < count; ++i) {
            out[i].struct_size = sizeof out[i];
            detail::check(get(handle_.get(), i, &out[i]));
        }
        return out;
    }
    detail::Owned<shoal_model, shoal_model_release> handle_;
};

}  // namespace shoal

#endif
