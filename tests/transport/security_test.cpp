// Who gets in: keys, allow-lists, and plaintext that stays on this machine.
#include <mutex>

#include "base/error.hpp"
#include "base/log.hpp"
#include "transport/ports.hpp"

namespace {

using namespace shoal;
using namespace shoal::test;
using Kind = Event::Kind;

#define SHOAL_KEYED_NETWORKS shoal::test::Tcp<true>, shoal::test::Ipc<true>, shoal::test::InProcess<true>

// Collects warnings while it lives.
class Log {
public:
    Log() {
        base::set_log_sink([this](base::LogLevel, std::string_view, std::string_view message) {
            const std::lock_guard lock(mutex_);
            lines_.emplace_back(message);
        });
    }
    ~Log() { base::set_log_sink({}); }
    [[nodiscard]] int lines_with(const std::string& part) const {
        const std::lock_guard lock(mutex_);
        int count = 0;
        for (const auto& line : lines_)
            count += line.find(part) != std::string::npos ? 1 : 0;
        return count;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
};

PortOptions with_keys(const Keys& keys) {
    PortOptions options;
    options.keys = keys;
    options.timing.retry_first = std::chrono::milliseconds(5);
    options.timing.retry_longest = std::chrono::milliseconds(10);
    return options;
}

TEST_CASE_TEMPLATE("an unknown key gets nothing, is logged once, and may be added later", Net, SHOAL_KEYED_NETWORKS) {
    Net net;
    const Keys stranger = Keys::generate();
    const std::string name = stranger.public_key().text();
    const Log log;
    auto server = net.server();
    auto client = net.client(with_keys(stranger));
    Pump pump{server.get(), client.get()};
    const PeerId peer = net.connect(*client, server->listen(net.endpoint()));
    const Event refused = pump.expect(*client, Kind::refused);
    CHECK(refused.peer == peer);
    CHECK(refused.text.find(name) != std::string::npos);
    pump.run_for(std::chrono::milliseconds(200));  // it goes on trying
    CHECK(pump.quiet(*client));
    CHECK(pump.quiet(*server));
    CHECK_FALSE(client->send(peer, {bytes("let me in")}));
    CHECK(log.lines_with(name) == 1);
    CHECK(server->rejections().handshakes >= 1);

    net.allowed->add(stranger.public_key(), "not so strange");
    CHECK(pump.expect(*client, Kind::connected).peer == peer);
    CHECK(pump.expect(*server, Kind::connected).key == stranger.public_key());
    CHECK(log.lines_with(name) == 1);
}

TEST_CASE_TEMPLATE("a key that is taken from the list is out at once", Net, SHOAL_KEYED_NETWORKS) {
    Net net;
    const Keys keys = Keys::generate();
    net.allowed->add(keys.public_key());
    auto server = net.server();
    auto client = net.client(with_keys(keys)), other = net.client();
    Pump pump{server.get(), client.get(), other.get()};
    const std::string endpoint = server->listen(net.endpoint());
    const PeerId peer = net.connect(*client, endpoint);
    pump.expect(*client, Kind::connected);
    const PeerId seen = pump.expect(*server, Kind::connected).peer;
    const PeerId other_peer = net.connect(*other, endpoint);
    pump.expect(*other, Kind::connected);
    pump.expect(*server, Kind::connected);

    net.allowed->remove(keys.public_key());
    const Event out = pump.expect(*server, Kind::disconnected);
    CHECK(out.peer == seen);
    CHECK(out.text.find("allowed") != std::string::npos);
    CHECK(server->rejections().cuts == 1);
    CHECK(pump.expect(*client, Kind::disconnected).peer == peer);
    pump.expect(*client, Kind::refused);
    CHECK(other->send(other_peer, {bytes("unharmed")}));
    CHECK(text(pump.expect(*server, Kind::message).frames[0]) == "unharmed");

    net.allowed->add(keys.public_key());
    pump.expect(*client, Kind::connected);
    pump.expect(*server, Kind::connected);
    CHECK(client->send(peer, {bytes("back")}));
    CHECK(text(pump.expect(*server, Kind::message).frames[0]) == "back");
}

TEST_CASE_TEMPLATE("a server with another key than expected is not spoken to", Net, SHOAL_KEYED_NETWORKS) {
    Net net;
    auto server = net.server(), client = net.client();
    Pump pump{server.get(), client.get()};
    const PublicKey wrong = Keys::generate().public_key();
    const PeerId peer = client->connect(server->listen(net.endpoint()), wrong);
    const Event refused = pump.expect(*client, Kind::refused);
    CHECK(refused.peer == peer);
    CHECK(refused.text.find(wrong.text()) != std::string::npos);
    CHECK(pump.quiet(*server));
}

TEST_CASE_TEMPLATE("keys and plaintext do not mix", Net, SHOAL_KEYED_NETWORKS) {
    Net net;
    Pump pump{};
    auto keyed_server = net.server(), keyed_client = net.client();
    auto plain_server = net.make({}), plain_client = net.make({});
    for (Port* port : {keyed_server.get(), keyed_client.get(), plain_server.get(), plain_client.get()})
        pump.add(*port);
    plain_client->connect(keyed_server->listen(net.endpoint()));
    CHECK(pump.expect(*plain_client, Kind::refused).text.find("keys") != std::string::npos);
    net.connect(*keyed_client, plain_server->listen(net.endpoint()));
    CHECK(pump.expect(*keyed_client, Kind::refused).text.find("keys") != std::string::npos);
    CHECK(pump.quiet(*keyed_server));
    CHECK(pump.quiet(*plain_server));
}

TEST_CASE_TEMPLATE("a port with keys and no allow-list lets nobody in", Net, SHOAL_KEYED_NETWORKS) {
    Net net;
    PortOptions options;
    options.keys = Keys::generate();
    auto server = net.make(options);
    auto client = net.client();
    Pump pump{server.get(), client.get()};
    client->connect(server->listen(net.endpoint()), options.keys->public_key());
    pump.expect(*client, Kind::refused);
    CHECK(pump.quiet(*server));
}

TEST_CASE("without keys nothing leaves this machine") {
    auto port = transport::make_zmq_port();
    const auto code_of = [](auto&& call) {
        try {
            call();
        } catch (const base::Error& error) {
            CHECK(std::string(error.what()).find("keygen") != std::string::npos);
            return error.code();
        }
        return base::Code::internal;
    };
    for (const char* endpoint : {"tcp://*:*", "tcp://0.0.0.0:*", "tcp://192.0.2.1:*", "tcp://eth0:*", "tcp://[::]:*"}) {
        CAPTURE(endpoint);
        CHECK(code_of([&] { port->listen(endpoint); }) == base::Code::refused);
    }
    for (const char* endpoint : {"tcp://192.0.2.1:5700", "tcp://board.example:5700", "tcp://[2001:db8::1]:5700"}) {
        CAPTURE(endpoint);
        CHECK(code_of([&] { port->connect(endpoint); }) == base::Code::refused);
    }
    CHECK(code_of([&] { port->connect("tcp://127.0.0.1:5700", Keys::generate().public_key()); }) ==
          base::Code::refused);
    // With keys, the server's must be known.
    PortOptions options;
    options.keys = Keys::generate();
    auto keyed = transport::make_zmq_port(options);
    CHECK_THROWS_AS(keyed->connect("tcp://127.0.0.1:5700"), base::Error);
    CHECK(keyed->listen("tcp://*:*").rfind("tcp://0.0.0.0:", 0) == 0);
}

}  // namespace
