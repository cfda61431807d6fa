// What every kind of port does, one body for all of them.
#include <atomic>
#include <thread>

#include "base/error.hpp"
#include "transport/ports.hpp"

namespace {

using namespace shoal;
using namespace shoal::test;
using Kind = Event::Kind;

struct Pair {
    std::unique_ptr<Port> server, client;
    PeerId to_server{}, to_client{};
    Pump pump{};
};

// A server and a client that are connected.
template <class Net>
Pair connected_pair(Net& net, PortOptions server_options = {}, PortOptions client_options = {}) {
    Pair out{net.server(std::move(server_options)), net.client(std::move(client_options)), {}, {}, {}};
    out.pump.add(*out.server);
    out.pump.add(*out.client);
    out.to_server = net.connect(*out.client, out.server->listen(net.endpoint()));
    CHECK(out.pump.expect(*out.client, Kind::connected).peer == out.to_server);
    out.to_client = out.pump.expect(*out.server, Kind::connected).peer;
    return out;
}

TEST_CASE_TEMPLATE("messages arrive whole and in order, both ways", Net, SHOAL_ALL_NETWORKS) {
    Net net;
    auto pair = connected_pair(net);
    for (const std::size_t size : {std::size_t{1}, std::size_t{13}, std::size_t{32}, std::size_t{33}, std::size_t{127},
                                   std::size_t{8191}, std::size_t{8192}, std::size_t{300'001}}) {
        CAPTURE(size);
        CHECK(pair.client->send(pair.to_server, {bytes("header"), filled(size, 'a'), {}, filled(3, 'b')}));
        const Event got = pair.pump.expect(*pair.server, Kind::message);
        CHECK(got.peer == pair.to_client);
        REQUIRE(got.frames.size() == 4);
        CHECK(text(got.frames[0]) == "header");
        CHECK(text(got.frames[1]) == std::string(size, 'a'));
        CHECK(got.frames[2].empty());
        CHECK(text(got.frames[3]) == "bbb");
        CHECK(pair.server->send(pair.to_client, {filled(size, 'c')}));
        CHECK(text(pair.pump.expect(*pair.client, Kind::message).frames[0]) == std::string(size, 'c'));
    }
    for (int i = 0; i < 1000; ++i)
        CHECK(pair.client->send(pair.to_server, {bytes(std::to_string(i))}));
    for (int i = 0; i < 1000; ++i)
        CHECK(text(pair.pump.expect(*pair.server, Kind::message).frames[0]) == std::to_string(i));
}

TEST_CASE_TEMPLATE("frames are shared with the sender, not copied, and let go in the end", Net, SHOAL_ALL_NETWORKS) {
    Net net;
    auto pair = connected_pair(net);
    auto owner = std::make_shared<const std::vector<std::byte>>(1 << 20);
    CHECK(pair.client->send(pair.to_server, {bytes("x"), {owner, *owner}}));
    CHECK(pair.pump.expect(*pair.server, Kind::message).frames[1].size() == 1 << 20);
    pair.pump.until([&] { return owner.use_count() == 1 && pair.client->unsent_bytes(pair.to_server) == 0; });
}

TEST_CASE_TEMPLATE("both sides count what passed", Net, SHOAL_ALL_NETWORKS) {
    Net net;
    auto pair = connected_pair(net);
    CHECK(pair.client->counters(pair.to_server) == transport::Counters{});
    CHECK(pair.client->send(pair.to_server, {bytes("abc"), bytes("defg")}));
    CHECK(pair.client->send(pair.to_server, {filled(10'000, 'x')}));
    pair.pump.expect(*pair.server, Kind::message);
    pair.pump.expect(*pair.server, Kind::message);
    const auto sent = pair.client->counters(pair.to_server), received = pair.server->counters(pair.to_client);
    CHECK(sent == transport::Counters{2, 0, 3, 0, 10'007, 0});
    CHECK(received == transport::Counters{0, 2, 0, 3, 0, 10'007});
    CHECK(pair.server->counters(PeerId{999}) == transport::Counters{});
}

TEST_CASE_TEMPLATE("either side knows when something last arrived", Net, Tcp<false>, Tcp<true>, InProcess<false>) {
    Net net;
    auto pair = connected_pair(net);
    const auto before = base::SteadyClock::now();
    CHECK(pair.client->send(pair.to_server, {filled(10'000, 'x')}));
    CHECK(pair.server->send(pair.to_client, {filled(10'000, 'x')}));
    pair.pump.until([&] { return pair.server->last_arrival(pair.to_client) > before; });
    pair.pump.until([&] { return pair.client->last_arrival(pair.to_server) > before; });
    CHECK(pair.server->last_arrival(PeerId{999}) == base::TimePoint{});
}

TEST_CASE_TEMPLATE("a peer that goes is told of, after all that it sent", Net, SHOAL_ALL_NETWORKS) {
    Net net;
    auto pair = connected_pair(net);
    for (int i = 0; i < 100; ++i)
        CHECK(pair.client->send(pair.to_server, {bytes(std::to_string(i)), filled(5000, 'x')}));
    pair.pump.until([&] { return pair.client->unsent_bytes(pair.to_server) == 0; });
    pair.pump.remove(*pair.client);
    pair.client.reset();
    for (int i = 0; i < 100; ++i)
        CHECK(text(pair.pump.expect(*pair.server, Kind::message).frames[0]) == std::to_string(i));
    CHECK(pair.pump.expect(*pair.server, Kind::disconnected).peer == pair.to_client);
    CHECK_FALSE(pair.server->send(pair.to_client, {bytes("x")}));
    CHECK(pair.server->counters(pair.to_client) == transport::Counters{});
}

TEST_CASE_TEMPLATE("a port that connects finds a server that comes late, and again when it comes back", Net, Tcp<false>,
                   Tcp<true>, Ipc<false>, InProcess<false>, InProcess<true>) {
    Net net;
    auto client = net.client();
    auto server = net.server();
    const std::string endpoint = server->listen(net.endpoint());
    server.reset();  // the endpoint is free again, and known
    const PeerId peer = net.connect(*client, endpoint);
    Pump pump{client.get()};
    pump.run_for(std::chrono::milliseconds(20));
    CHECK(pump.quiet(*client));
    CHECK_FALSE(client->send(peer, {bytes("too early")}));
    for (int round = 0; round < 3; ++round) {
        CAPTURE(round);
        server = net.server();
        CHECK(server->listen(endpoint) == endpoint);
        pump.add(*server);
        CHECK(pump.expect(*client, Kind::connected).peer == peer);
        const PeerId seen = pump.expect(*server, Kind::connected).peer;
        CHECK(client->send(peer, {bytes("round " + std::to_string(round))}));
        CHECK(text(pump.expect(*server, Kind::message).frames[0]) == "round " + std::to_string(round));
        CHECK(server->send(seen, {bytes("back")}));
        CHECK(text(pump.expect(*client, Kind::message).frames[0]) == "back");
        pump.remove(*server);
        server.reset();
        CHECK(pump.expect(*client, Kind::disconnected).peer == peer);
        CHECK_FALSE(client->send(peer, {bytes("gone")}));
    }
}

TEST_CASE_TEMPLATE("disconnect forgets a peer, on either side", Net, SHOAL_ALL_NETWORKS) {
    Net net;
    SUBCASE("the side that connected") {
        auto pair = connected_pair(net);
        CHECK(pair.client->send(pair.to_server, {bytes("last words")}));
        pair.client->disconnect(pair.to_server);
        CHECK_FALSE(pair.client->send(pair.to_server, {bytes("x")}));
        CHECK(text(pair.pump.expect(*pair.server, Kind::message).frames[0]) == "last words");
        CHECK(pair.pump.expect(*pair.server, Kind::disconnected).peer == pair.to_client);
        pair.pump.run_for(std::chrono::milliseconds(20));
        CHECK(pair.pump.quiet(*pair.client));
    }
    SUBCASE("the side that was connected to") {
        auto pair = connected_pair(net);
        CHECK(pair.server->send(pair.to_client, {bytes("go away")}));
        pair.server->disconnect(pair.to_client);
        CHECK_FALSE(pair.server->send(pair.to_client, {bytes("x")}));
        CHECK(text(pair.pump.expect(*pair.client, Kind::message).frames[0]) == "go away");
        CHECK(pair.pump.expect(*pair.client, Kind::disconnected).peer == pair.to_server);
        // It comes again, as somebody new.
        const Event again = pair.pump.expect(*pair.server, Kind::connected);
        CHECK(again.peer != pair.to_client);
        pair.server->disconnect(pair.to_client);  // known no more: nothing happens
        CHECK(pair.server->send(again.peer, {bytes("still here")}));
        pair.pump.expect(*pair.client, Kind::connected);
        CHECK(text(pair.pump.expect(*pair.client, Kind::message).frames[0]) == "still here");
    }
}

TEST_CASE_TEMPLATE("events carry the key that the peer proved to have", Net, SHOAL_ALL_NETWORKS) {
    Net net;
    PortOptions options;
    if (net.with_keys()) {
        options.keys = Keys::generate();
        net.allowed->add(options.keys->public_key());
    }
    auto server = net.server();
    auto client = net.client(options);
    Pump pump{server.get(), client.get()};
    const PeerId peer = net.connect(*client, server->listen(net.endpoint()));
    const Event at_client = pump.expect(*client, Kind::connected), at_server = pump.expect(*server, Kind::connected);
    CHECK(client->send(peer, {bytes("x")}));
    const Event message = pump.expect(*server, Kind::message);
    if (net.with_keys()) {
        CHECK(at_client.key == net.server_key());
        CHECK(at_server.key == options.keys->public_key());
        CHECK(message.key == options.keys->public_key());
    } else {
        CHECK_FALSE(at_client.key);
        CHECK_FALSE(at_server.key);
        CHECK_FALSE(message.key);
    }
}

TEST_CASE_TEMPLATE("waiting ends at the deadline, when woken, and after posted work", Net, SHOAL_ALL_NETWORKS) {
    Net net;
    auto port = net.server();
    port->listen(net.endpoint());
    CHECK_FALSE(port->wait(base::SteadyClock::now()));
    port->wake();
    const auto before = base::SteadyClock::now();
    CHECK_FALSE(port->wait(base::deadline_in(kPatience)));

    std::atomic<int> runs{0};
    const auto owner = std::this_thread::get_id();
    bool on_owner = true;
    std::thread other([&] {
        for (int i = 0; i < 200; ++i) {
            port->post([&] {
                on_owner = on_owner && std::this_thread::get_id() == owner;
                ++runs;
            });
            if (i % 3 == 0) port->wake();
        }
    });
    while (runs < 200)
        CHECK_FALSE(port->wait(base::deadline_in(kPatience)));
    other.join();
    CHECK(on_owner);
    CHECK(base::SteadyClock::now() - before < kPatience);
}

TEST_CASE_TEMPLATE("what may not be sent is refused where it is made", Net, SHOAL_ALL_NETWORKS) {
    Net net;
    PortOptions options;
    options.limits.frames = 3;
    options.limits.frame_bytes = 1000;
    options.limits.message_bytes = 2500;
    auto pair = connected_pair(net, {}, options);
    const auto refused = [&](Frames frames) {
        CHECK_THROWS_AS(static_cast<void>(pair.client->send(pair.to_server, std::move(frames))), base::Error);
    };
    refused({});
    refused({base::SharedBytes()});
    refused({bytes("1"), bytes("2"), bytes("3"), bytes("4")});
    refused({filled(1001, 'x')});
    refused({filled(1000, 'x'), filled(1000, 'x'), filled(501, 'x')});
    CHECK(pair.client->send(pair.to_server, {filled(1000, 'x'), filled(1000, 'x'), filled(500, 'x')}));
    CHECK(pair.pump.expect(*pair.server, Kind::message).frames.size() == 3);
}

TEST_CASE_TEMPLATE("what breaks the receiver's limits is dropped and counted", Net, SHOAL_ALL_NETWORKS) {
    Net net;
    PortOptions options;
    options.limits.frames = 3;
    options.limits.frame_bytes = 1000;
    options.limits.message_bytes = 2500;
    auto pair = connected_pair(net, options);
    CHECK(pair.client->send(pair.to_server, {bytes("1"), bytes("2"), bytes("3"), bytes("4")}));
    CHECK(pair.client->send(pair.to_server, {filled(1000, 'x'), filled(1000, 'x'), filled(501, 'x')}));
    CHECK(pair.client->send(pair.to_server, {bytes("good")}));
    CHECK(text(pair.pump.expect(*pair.server, Kind::message).frames[0]) == "good");
    CHECK(pair.server->rejections().messages == 2);
    // A frame that is announced as clearly too long ends the connection.
    static_cast<void>(pair.client->send(pair.to_server, {filled(1100, 'x')}));
    CHECK(pair.pump.expect(*pair.server, Kind::disconnected).peer == pair.to_client);
    pair.pump.expect(*pair.client, Kind::disconnected);
}

// Whether ZeroMQ reads is not its owner's to decide: see hostile_test.cpp for a peer that does not.
TEST_CASE_TEMPLATE("a peer for whom too much waits is cut off", Net, InProcess<false>, InProcess<true>) {
    Net net;
    PortOptions options;
    options.limits.unsent_bytes = 64 << 20;
    auto pair = connected_pair(net, {}, options);
    pair.pump.remove(*pair.server);  // does not read
    int sent = 0;
    while (pair.client->send(pair.to_server, {bytes("header"), filled(1 << 20, 'x')})) {
        ++sent;
        REQUIRE(sent < 10'000);
        CHECK(pair.client->unsent_bytes(pair.to_server) <= options.limits.unsent_bytes);
    }
    CHECK(sent >= 63);
    CHECK(pair.client->rejections().cuts == 1);
    CHECK(pair.pump.expect(*pair.client, Kind::disconnected).peer == pair.to_server);
    CHECK(pair.client->unsent_bytes(pair.to_server) == 0);
}

TEST_CASE_TEMPLATE("many peers at one port keep apart", Net, SHOAL_ALL_NETWORKS) {
    Net net;
    auto server = net.server();
    const std::string endpoint = server->listen(net.endpoint());
    std::vector<std::unique_ptr<Port>> clients;
    std::vector<PeerId> peers;
    Pump pump{server.get()};
    for (int i = 0; i < 13; ++i) {
        clients.push_back(net.client());
        peers.push_back(net.connect(*clients.back(), endpoint));
        pump.add(*clients.back());
    }
    for (std::size_t i = 0; i < clients.size(); ++i)
        pump.expect(*clients[i], Kind::connected);
    for (std::size_t i = 0; i < clients.size(); ++i)
        pump.expect(*server, Kind::connected);
    for (std::size_t i = 0; i < clients.size(); ++i)
        CHECK(clients[i]->send(peers[i], {bytes("I am " + std::to_string(i))}));
    for (std::size_t i = 0; i < clients.size(); ++i) {
        const Event event = pump.expect(*server, Kind::message);
        CHECK(server->send(event.peer, {bytes("You are " + text(event.frames[0]).substr(5))}));
    }
    for (std::size_t i = 0; i < clients.size(); ++i)
        CHECK(text(pump.expect(*clients[i], Kind::message).frames[0]) == "You are " + std::to_string(i));
}

TEST_CASE_TEMPLATE("a port may listen on several endpoints, and connect to itself", Net, SHOAL_ALL_NETWORKS) {
    Net net;
    auto server = net.server();
    if (net.with_keys()) net.allowed->add(net.server_key());
    const std::string first = server->listen(net.endpoint()), second = server->listen(net.endpoint());
    CHECK(first != second);
    auto client = net.client();
    Pump pump{server.get(), client.get()};
    net.connect(*client, first);
    net.connect(*client, second);
    pump.expect(*server, Kind::connected);
    pump.expect(*server, Kind::connected);
    const PeerId self = net.connect(*server, first);
    pump.expect(*server, Kind::connected);
    pump.expect(*server, Kind::connected);
    CHECK(server->send(self, {bytes("to myself")}));
    CHECK(text(pump.expect(*server, Kind::message).frames[0]) == "to myself");
}

TEST_CASE_TEMPLATE("an endpoint that is taken or makes no sense is an error", Net, SHOAL_ALL_NETWORKS) {
    Net net;
    auto server = net.server(), other = net.server();
    const std::string endpoint = server->listen(net.endpoint());
    if (endpoint.rfind("ipc", 0) != 0)  // a path is taken over from whoever had it
        CHECK_THROWS_AS(static_cast<void>(other->listen(endpoint)), base::Error);
    for (const char* wrong :
         {"", "tcp://", "tcp://127.0.0.1", "udp://127.0.0.1:1", "tcp://127.0.0.1:65536", "nonsense"}) {
        CAPTURE(wrong);
        CHECK_THROWS_AS(static_cast<void>(other->listen(wrong)), base::Error);
        CHECK_THROWS_AS(static_cast<void>(net.connect(*other, wrong)), base::Error);
    }
}

}  // namespace
