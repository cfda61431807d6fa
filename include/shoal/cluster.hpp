// Being part of a cluster: a board, or the hub, inside the program. Part of shoal.hpp.
#ifndef SHOAL_CLUSTER_HPP
#define SHOAL_CLUSTER_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shoal/cancellation.hpp"
#include "shoal/error.hpp"

namespace shoal {

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
    std::string kernel_folder{};
    std::chrono::milliseconds driver_timeout{0};
    std::optional<Cancellation> cancellation{};  ///< ends the starting
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
        own.kernel_folder = detail::or_null(options.kernel_folder);
        own.driver_timeout_ms = options.driver_timeout.count();
        own.cancellation = options.cancellation ? options.cancellation->get() : nullptr;
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
        shoal_node_state out{};
        out.struct_size = sizeof out;
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
        shoal_hub_state out{};
        out.struct_size = sizeof out;
        detail::check(shoal_hub_get_state(handle_.get(), &out));
        return out;
    }

private:
    std::unique_ptr<OnEvent> on_event_;  // outlives the handle
    detail::Owned<shoal_hub, shoal_stop_hub> handle_;
};

}  // namespace shoal

#endif
