// The C interface's hub inside a program.
#include "hub/hub.hpp"

#include <condition_variable>
#include <thread>

#include "base/log.hpp"
#include "capi/hub_state.hpp"
#include "capi/support.hpp"
#include "transport/allow_watch.hpp"
#include "transport/zmq_port.hpp"

using namespace shoal;
using base::Code;
using base::fail;

namespace {

const char* word(hub::Event::Kind kind) {
    using Kind = hub::Event::Kind;
    switch (kind) {
        case Kind::board_joined: return "board joined";
        case Kind::board_lost: return "board lost";
        case Kind::planned: return "planned";
        case Kind::replanned: return "replanned";
        case Kind::model_failed: return "model failed";
        case Kind::client_joined: return "client joined";
        case Kind::client_left: return "client left";
    }
    return "?";
}

}  // namespace

namespace {

// Looks on a thread of its own who may connect, until it goes.
class AllowThread {
public:
    explicit AllowThread(transport::AllowWatch watch) : watch_(std::move(watch)), thread_([this] { run(); }) {}
    ~AllowThread() {
        {
            const std::lock_guard lock(mutex_);
            ending_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }
    AllowThread(const AllowThread&) = delete;
    AllowThread& operator=(const AllowThread&) = delete;

private:
    void run() {
        std::unique_lock lock(mutex_);
        while (!changed_.wait_for(lock, transport::AllowWatch::kPause, [this] { return ending_; })) {
            try {
                for (const auto& problem : watch_.look())
                    base::log_warning("capi", problem);
            } catch (const std::exception&) {  // no memory for the words; the next look is in a second
            }
        }
    }

    transport::AllowWatch watch_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace

struct shoal_hub : capi::Handle<0x5ea10007> {
    std::unique_ptr<hub::Hub> hub;
    std::vector<std::string> endpoints;
    std::unique_ptr<AllowThread> watching;
};

shoal_status shoal_start_hub(const shoal_hub_options* options, shoal_hub** hub) {
    return capi::guarded([&] {
        capi::expect(options, "the options");
        capi::expect(hub, "where the hub goes");
        const auto given = capi::read_options(options);
        hub::HubOptions own;
        if (given.name != nullptr) own.name = given.name;
        own.endpoints = capi::texts_of(given.endpoints, given.endpoint_count, "an endpoint");
        if (own.endpoints.empty()) fail(Code::invalid_argument, "the hub has no endpoint to serve");
        own.cache_folder = capi::text_or_empty(given.cache_folder);
        transport::PortOptions port;
        if (given.key_file != nullptr) {
            port.keys = transport::Keys::load(given.key_file);
            port.allowed = std::make_shared<transport::AllowList>();
            capi::expect(given.allowed_path, "who may connect (allowed_path)");
            std::vector<std::string> left_out;  // AllowThread finds and tells the same at its first look
            port.allowed->load(given.allowed_path, left_out);
        }
        if (given.on_event != nullptr) {
            own.on_event = [tell = given.on_event, user = given.user](const hub::Event& event) {
                tell(user, word(event.kind), (event.subject + ": " + event.text).c_str());
            };
        }
        port.limits.connections = own.limits.connections();
        const auto allowed = port.allowed;
        auto out = std::make_unique<shoal_hub>();
        out->hub = std::make_unique<hub::Hub>(std::move(own), transport::make_zmq_port(std::move(port)), allowed);
        out->endpoints = out->hub->start();
        if (allowed)
            out->watching = std::make_unique<AllowThread>(transport::AllowWatch({given.allowed_path}, allowed));
        *hub = out.release();
    });
}

size_t shoal_hub_endpoint_count(const shoal_hub* hub) {
    return capi::is_valid(hub) ? hub->endpoints.size() : 0;
}

const char* shoal_hub_endpoint(const shoal_hub* hub, size_t index) {
    return capi::is_valid(hub) && index < hub->endpoints.size() ? hub->endpoints[index].c_str() : nullptr;
}

shoal_status shoal_hub_get_state(const shoal_hub* hub, shoal_hub_state* state) {
    return capi::guarded([&] {
        capi::expect(hub, "the hub");
        capi::expect(state, "where the state goes");
        capi::fill(state, capi::state_of(hub->hub->status()));
    });
}

void shoal_stop_hub(shoal_hub* hub) {
    capi::release(hub);
}
