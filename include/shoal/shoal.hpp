// Shoal for C++: the C interface (shoal.h, which says what every call does, its errors and its threads) with handles
// that release themselves, exceptions instead of codes, and functions as callbacks. Header-only; needs C++20.
//
//     shoal::Model model("digits.onnx", shoal::Place::device("best"));
//     const std::vector<float> picture(64);
//     const auto outputs = model.run({{"image", shoal::array<float>({1, 1, 8, 8}, picture)}});
//     const auto scores = outputs[0].as<float>();
//
// Handles may be moved, not copied, and are used from any thread as the C ones. Views (TensorView, std::span,
// std::string_view, Value) do not own: what they show belongs to whom they came from.
#ifndef SHOAL_SHOAL_HPP
#define SHOAL_SHOAL_HPP

#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <future>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/shoal.h"

namespace shoal {

/// What a call that fails throws: the code (SHOAL_TIMEOUT, ...) and the words.
class Error : public std::runtime_error {
public:
    Error(shoal_status code, const std::string& what) : std::runtime_error(what), code_(code) {}
    [[nodiscard]] shoal_status code() const noexcept { return code_; }

private:
    shoal_status code_;
};

namespace detail {

inline void check(shoal_status status) {
    if (status != SHOAL_OK) throw Error(status, shoal_last_error());
}

template <auto kRelease>
struct Releaser {
    template <class Handle>
    void operator()(Handle* handle) const noexcept {
        kRelease(handle);
    }
};
template <class Handle, auto kRelease>
using Owned = std::unique_ptr<Handle, Releaser<kRelease>>;

template <class T>
constexpr shoal_element element_of() {
    if constexpr (std::is_same_v<T, float>)
        return SHOAL_F32;
    else if constexpr (std::is_same_v<T, double>)
        return SHOAL_F64;
    else if constexpr (std::is_same_v<T, bool>)
        return SHOAL_BOOL;
    else {
        static_assert(std::is_integral_v<T>, "no element type; use shoal::TensorView for half-width floats");
        constexpr int kSigned = std::is_signed_v<T> ? 0 : 1;
        return (sizeof(T) == 1   ? SHOAL_I8
                : sizeof(T) == 2 ? SHOAL_I16
                : sizeof(T) == 4 ? SHOAL_I32
                                 : SHOAL_I64) +
               kSigned;
    }
}

inline const char* or_null(const std::string& text) {
    return text.empty() ? nullptr : text.c_str();
}

}  // namespace detail

/// The library's version, e.g. "0.1.0".
[[nodiscard]] inline std::string_view version() {
    return shoal_version();
}

// --- Tensors
// -----------------------------------------------------------------------------------------------------------

/// A view of a tensor: element type, shape, bytes.
struct TensorView {
    shoal_element element = SHOAL_UNKNOWN;
    std::span<const std::int64_t> shape{};
    std::span<const std::byte> bytes{};

    /// The elements. Throws std::invalid_argument when T is not their type or the bytes are not aligned for it.
    template <class T>
    [[nodiscard]] std::span<const T> as() const {
        if (element != detail::element_of<T>())
            throw std::invalid_argument(std::string("a tensor of ") + shoal_element_name(element) + " read as " +
                                        shoal_element_name(detail::element_of<T>()));
        if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(T) != 0)
            throw std::invalid_argument("a tensor's bytes are not aligned");
        return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
    }
};

/// An input of a run: its name, its shape (owned), and a view of its elements, which must stay until the call returns.
struct Input {
    std::string name;
    shoal_element element = SHOAL_UNKNOWN;
    std::vector<std::int64_t> shape{};
    std::span<const std::byte> bytes{};
};

/// A view of elements, with its own shape and no name yet, for Input: {"image", array<float>({1, 3}, values)}.
struct Array {
    shoal_element element;
    std::vector<std::int64_t> shape;
    std::span<const std::byte> bytes;
};
template <class T>
[[nodiscard]] Array array(std::vector<std::int64_t> shape, std::span<const T> values) {
    return {detail::element_of<T>(), std::move(shape), std::as_bytes(values)};
}
template <class T>
[[nodiscard]] Array array(std::vector<std::int64_t> shape, const std::vector<T>& values) {
    return array<T>(std::move(shape), std::span<const T>(values));
}

/// Inputs by name.
class Inputs {
public:
    Inputs() = default;
    Inputs(std::initializer_list<std::pair<std::string, Array>> inputs) {
        for (const auto& [name, array] : inputs)
            add(name, array);
    }
    Inputs& add(std::string name, Array array) {
        inputs_.push_back({std::move(name), array.element, std::move(array.shape), array.bytes});
        return *this;
    }
    Inputs& add(std::string name, const TensorView& view) {
        inputs_.push_back({std::move(name), view.element, {view.shape.begin(), view.shape.end()}, view.bytes});
        return *this;
    }
    /// As the C interface takes them; valid until this changes.
    [[nodiscard]] std::vector<shoal_input> views() const {
        std::vector<shoal_input> out;
        for (const Input& input : inputs_)
            out.push_back({input.name.c_str(),
                           {input.element, static_cast<std::int32_t>(input.shape.size()), input.shape.data(),
                            input.bytes.data(), input.bytes.size()}});
        return out;
    }

private:
    std::vector<Input> inputs_;
};

/// The outputs of a run, in the model's order.
class Outputs {
public:
    explicit Outputs(shoal_results* owned) : handle_(owned) {}

    [[nodiscard]] std::size_t size() const noexcept { return shoal_results_count(handle_.get()); }
    /// Throw Error when there is no such output.
    [[nodiscard]] TensorView operator[](std::size_t index) const {
        shoal_tensor out;
        detail::check(shoal_results_get(handle_.get(), index, nullptr, &out));
        return view(out);
    }
    [[nodiscard]] TensorView operator[](const std::string& name) const {
        shoal_tensor out;
        detail::check(shoal_results_find(handle_.get(), name.c_str(), &out));
        return view(out);
    }
    [[nodiscard]] std::string_view name(std::size_t index) const {
        const char* name = nullptr;
        shoal_tensor out;
        detail::check(shoal_results_get(handle_.get(), index, &name, &out));
        return name;
    }

private:
    static TensorView view(const shoal_tensor& tensor) {
        return {tensor.element,
                {tensor.shape, static_cast<std::size_t>(tensor.rank)},
                {static_cast<const std::byte*>(tensor.data), tensor.bytes}};
    }
    detail::Owned<shoal_results, shoal_results_release> handle_;
};

// --- Places
// ------------------------------------------------------------------------------------------------------------

/// The OpenCL devices of this machine.
class Devices {
public:
    Devices() {
        shoal_devices* out = nullptr;
        detail::check(shoal_find_devices(&out));
        handle_.reset(out);
    }
    [[nodiscard]] std::size_t size() const noexcept { return shoal_devices_count(handle_.get()); }
    [[nodiscard]] shoal_device operator[](std::size_t index) const {
        shoal_device out;
        detail::check(shoal_devices_get(handle_.get(), index, &out));
        return out;
    }
    [[nodiscard]] std::string_view problems() const { return shoal_devices_problems(handle_.get()); }

private:
    detail::Owned<shoal_devices, shoal_devices_release> handle_;
};

/// How to reach a hub; see shoal_connect_options.
struct HubAddress {
    std::string endpoint;
    std::string key_file{}, hub_key_file{};
    std::string client_name{};
    std::chrono::milliseconds connect_timeout{0}, open_timeout{0}, run_timeout{0};
    shoal_objective objective = SHOAL_LATENCY;
    std::uint32_t max_in_flight = 0;
};

/// Where models run: a device of this machine or a cluster.
class Place {
public:
    /// See shoal_open_device.
    [[nodiscard]] static Place device(const std::string& wish = "best", int threads = 0) {
        shoal_place* out = nullptr;
        detail::check(shoal_open_device(wish.c_str(), threads, &out));
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
        shoal_place* out = nullptr;
        detail::check(shoal_connect(&options, &out));
        return Place(out);
    }
    [[nodiscard]] std::string_view name() const { return shoal_place_name(handle_.get()); }
    [[nodiscard]] shoal_place* get() const noexcept { return handle_.get(); }

private:
    explicit Place(shoal_place* owned) : handle_(owned) {}
    detail::Owned<shoal_place, shoal_place_release> handle_;
};

// --- Models
// ------------------------------------------------------------------------------------------------------------

/// Lets another thread take runs back. Copies mean the same.
class Cancellation {
public:
    Cancellation() {
        shoal_cancellation* out = nullptr;
        detail::check(shoal_cancellation_new(&out));
        handle_.reset(out, shoal_cancellation_release);
    }
    void cancel() const noexcept { shoal_cancel(handle_.get()); }
    [[nodiscard]] shoal_cancellation* get() const noexcept { return handle_.get(); }

private:
    std::shared_ptr<shoal_cancellation> handle_;
};

struct RunOptions {
    std::chrono::milliseconds timeout{0};  ///< from now; 0: none
    std::optional<Cancellation> cancellation{};
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
    void prepare(const Inputs& inputs) {
        const auto views = inputs.views();
        detail::check(shoal_prepare(handle_.get(), views.data(), views.size()));
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
                options.cancellation ? options.cancellation->get() : nullptr};
    }
    template <class Get>
    std::vector<shoal_value> values(std::size_t count, Get get) const {
        std::vector<shoal_value> out(count);
        for (std::size_t i = 0; i < count; ++i)
            detail::check(get(handle_.get(), i, &out[i]));
        return out;
    }
    detail::Owned<shoal_model, shoal_model_release> handle_;
};

// --- Being part of a cluster
// ---------------------------------------------------------------------------------------------

/// Hears what a person would want to know: a word ("joined") and a text. Called on a thread of the node's or hub's.
using OnEvent = std::function<void(std::string_view kind, std::string_view text)>;

namespace detail {
inline void tell(void* user, const char* kind, const char* text) noexcept {
    (*static_cast<const OnEvent*>(user))(kind, text);
}
}  // namespace detail

/// See shoal_node_options.
struct NodeOptions {
    std::string name;
    std::string hub_endpoint;
    std::string key_file{}, hub_key_file{};
    std::string data_endpoint{};
    std::uint64_t memory_limit_bytes = 0;
    std::string cache_folder{};
    std::vector<std::string> devices{};
    int threads = 0;
    OnEvent on_event{};
};

/// A board of a cluster, until it goes; see shoal_start_node.
class Node {
public:
    explicit Node(const NodeOptions& options) : on_event_(std::make_unique<OnEvent>(options.on_event)) {
        std::vector<const char*> devices;
        for (const auto& device : options.devices)
            devices.push_back(device.c_str());
        shoal_node_options own{};
        own.struct_size = sizeof own;
        own.name = options.name.c_str();
        own.hub_endpoint = options.hub_endpoint.c_str();
        own.key_file = detail::or_null(options.key_file);
        own.hub_key_file = detail::or_null(options.hub_key_file);
        own.data_endpoint = detail::or_null(options.data_endpoint);
        own.memory_limit_bytes = options.memory_limit_bytes;
        own.cache_folder = detail::or_null(options.cache_folder);
        own.devices = devices.data();
        own.device_count = devices.size();
        own.threads = options.threads;
        if (*on_event_) own.on_event = detail::tell, own.user = on_event_.get();
        shoal_node* out = nullptr;
        detail::check(shoal_start_node(&own, &out));
        handle_.reset(out);
    }
    Node(Node&&) = default;
    Node& operator=(Node&& other) noexcept {
        handle_ = std::move(other.handle_);  // ends the old node while its callback is still there
        on_event_ = std::move(other.on_event_);
        return *this;
    }
    [[nodiscard]] shoal_node_state state() const {
        shoal_node_state out;
        detail::check(shoal_node_get_state(handle_.get(), &out));
        return out;
    }

private:
    std::unique_ptr<OnEvent> on_event_;  // outlives the handle
    detail::Owned<shoal_node, shoal_stop_node> handle_;
};

/// See shoal_hub_options.
struct HubOptions {
    std::vector<std::string> endpoints;
    std::string name{};
    std::string key_file{}, allowed_path{};
    std::string cache_folder{};
    OnEvent on_event{};
};

/// The hub of a cluster, until it goes; see shoal_start_hub.
class Hub {
public:
    explicit Hub(const HubOptions& options) : on_event_(std::make_unique<OnEvent>(options.on_event)) {
        std::vector<const char*> endpoints;
        for (const auto& endpoint : options.endpoints)
            endpoints.push_back(endpoint.c_str());
        shoal_hub_options own{};
        own.struct_size = sizeof own;
        own.name = detail::or_null(options.name);
        own.endpoints = endpoints.data();
        own.endpoint_count = endpoints.size();
        own.key_file = detail::or_null(options.key_file);
        own.allowed_path = detail::or_null(options.allowed_path);
        own.cache_folder = detail::or_null(options.cache_folder);
        if (*on_event_) own.on_event = detail::tell, own.user = on_event_.get();
        shoal_hub* out = nullptr;
        detail::check(shoal_start_hub(&own, &out));
        handle_.reset(out);
    }
    Hub(Hub&&) = default;
    Hub& operator=(Hub&& other) noexcept {
        handle_ = std::move(other.handle_);
        on_event_ = std::move(other.on_event_);
        return *this;
    }
    /// As they became, in the order given.
    [[nodiscard]] std::vector<std::string> endpoints() const {
        std::vector<std::string> out;
        for (std::size_t i = 0; i < shoal_hub_endpoint_count(handle_.get()); ++i)
            out.emplace_back(shoal_hub_endpoint(handle_.get(), i));
        return out;
    }
    [[nodiscard]] shoal_hub_state state() const {
        shoal_hub_state out;
        detail::check(shoal_hub_get_state(handle_.get(), &out));
        return out;
    }

private:
    std::unique_ptr<OnEvent> on_event_;  // outlives the handle
    detail::Owned<shoal_hub, shoal_stop_hub> handle_;
};

}  // namespace shoal

#endif
