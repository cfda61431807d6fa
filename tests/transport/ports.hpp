// The kinds of port under one name each, so that one test body runs on all of them, and a pump that drives several
// ports from one thread.
#pragma once

#include <doctest/doctest.h>

#include <unistd.h>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "transport/in_process.hpp"
#include "transport/port.hpp"
#include "transport/zmq_port.hpp"

namespace shoal::test {

using transport::AllowList;
using transport::Event;
using transport::Frames;
using transport::Keys;
using transport::PeerId;
using transport::Port;
using transport::PortOptions;
using transport::PublicKey;

inline base::SharedBytes bytes(std::string_view text) {
    return base::SharedBytes::copy_of(std::as_bytes(std::span(text.data(), text.size())));
}
inline std::string text(const base::SharedBytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline base::SharedBytes filled(std::size_t size, char with) {
    return bytes(std::string(size, with));
}

/// One server's keys and whom it allows; ports made by it know each other when the network has keys.
class Network {
public:
    virtual ~Network() = default;

    /// The port that others connect to.
    std::unique_ptr<Port> server(PortOptions options = {}) {
        if (with_keys()) options.keys = server_keys_;
        options.allowed = allowed;
        return make(std::move(options));
    }
    /// A port that the server lets in.
    std::unique_ptr<Port> client(PortOptions options = {}) {
        if (with_keys() && !options.keys) {
            options.keys = Keys::generate();
            allowed->add(options.keys->public_key());
        }
        return make(std::move(options));
    }
    PeerId connect(Port& port, const std::string& endpoint) {
        if (with_keys()) return port.connect(endpoint, server_keys_.public_key());
        return port.connect(endpoint);
    }
    [[nodiscard]] PublicKey server_key() const { return server_keys_.public_key(); }

    [[nodiscard]] virtual bool with_keys() const = 0;
    /// An endpoint to listen on, a new one for every call.
    [[nodiscard]] virtual std::string endpoint() = 0;
    [[nodiscard]] virtual std::unique_ptr<Port> make(PortOptions options) = 0;

    std::shared_ptr<AllowList> allowed = std::make_shared<AllowList>();

private:
    Keys server_keys_ = Keys::generate();
};

template <bool kWithKeys>
class Tcp : public Network {
public:
    [[nodiscard]] bool with_keys() const override { return kWithKeys; }
    [[nodiscard]] std::string endpoint() override { return "tcp://127.0.0.1:*"; }
    [[nodiscard]] std::unique_ptr<Port> make(PortOptions options) override {
        return transport::make_zmq_port(std::move(options));
    }
};

template <bool kWithKeys>
class Ipc : public Tcp<kWithKeys> {
public:
    ~Ipc() override {
        for (int i = 0; i < used_; ++i)
            std::filesystem::remove(path(i));
    }
    [[nodiscard]] std::string endpoint() override { return "ipc://" + path(used_++); }

private:
    [[nodiscard]] std::string path(int i) const {
        const auto name = "shoal-test-" + std::to_string(::getpid()) + "-" + std::to_string(kWithKeys) + "-" +
                          std::to_string(i) + ".sock";
        return (std::filesystem::temp_directory_path() / name).string();
    }
    int used_ = 0;
};

template <bool kWithKeys>
class InProcess : public Network {
public:
    [[nodiscard]] bool with_keys() const override { return kWithKeys; }
    [[nodiscard]] std::string endpoint() override { return "inproc://*"; }
    [[nodiscard]] std::unique_ptr<Port> make(PortOptions options) override {
        return transport::make_in_process_port(network_, std::move(options));
    }

private:
    std::shared_ptr<transport::InProcessNetwork> network_ = transport::make_in_process_network();
};

#define SHOAL_ALL_NETWORKS                                                                                   \
    shoal::test::Tcp<false>, shoal::test::Tcp<true>, shoal::test::Ipc<false>, shoal::test::InProcess<false>, \
        shoal::test::InProcess<true>

/// Long enough for a loaded machine; nothing here waits so long unless it fails.
inline constexpr std::chrono::seconds kPatience{30};

/// Drives several ports from one thread, keeping each one's events in order.
class Pump {
public:
    Pump(std::initializer_list<Port*> ports) : ports_(ports) {}

    void add(Port& port) { ports_.push_back(&port); }
    void remove(Port& port) { std::erase(ports_, &port); }

    /// The next event of `port`, which must be of that kind.
    Event expect(Port& port, Event::Kind kind) {
        const auto deadline = base::deadline_in(kPatience);
        while (events_[&port].empty() && base::SteadyClock::now() < deadline)
            turn();
        REQUIRE_MESSAGE(!events_[&port].empty(), "no event came, expected kind ", static_cast<int>(kind));
        Event event = next(port);
        REQUIRE_MESSAGE(event.kind == kind, "expected kind ", static_cast<int>(kind), ", got ",
                        static_cast<int>(event.kind), " ", event.text);
        return event;
    }

    /// An event that has come already.
    Event next(Port& port) {
        Event event = std::move(events_[&port].front());
        events_[&port].pop_front();
        return event;
    }

    template <class Condition>
    void until(Condition&& holds) {
        const auto deadline = base::deadline_in(kPatience);
        while (!holds() && base::SteadyClock::now() < deadline)
            turn();
        REQUIRE(holds());
    }

    /// Some turns in which nothing is expected to happen.
    void run_for(std::chrono::milliseconds duration) {
        const auto end = base::deadline_in(duration);
        while (base::SteadyClock::now() < end)
            turn();
    }

    [[nodiscard]] bool quiet(Port& port) { return events_[&port].empty(); }

private:
    void turn() {
        for (Port* port : ports_) {
            while (auto event = port->wait(base::deadline_in(std::chrono::milliseconds(1))))
                events_[port].push_back(std::move(*event));
        }
    }

    std::vector<Port*> ports_;
    std::map<Port*, std::deque<Event>> events_;
};

}  // namespace shoal::test
