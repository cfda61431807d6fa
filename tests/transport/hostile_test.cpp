// Bytes from those who do not mean well, over plain sockets: the port lives, serves the others and keeps its memory.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstdint>
#include <fstream>
#include <random>
#include <thread>

#include "support/random.hpp"
#include "transport/endpoint.hpp"
#include "transport/ports.hpp"

namespace {

using namespace shoal;
using namespace shoal::test;
using namespace std::chrono_literals;
using namespace std::string_literals;
using Kind = Event::Kind;

// A TCP connection that says what it is told to.
class RawPeer {
public:
    explicit RawPeer(const std::string& endpoint) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(transport::parse_endpoint(endpoint).port)));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    }
    ~RawPeer() { ::close(socket_); }
    RawPeer(const RawPeer&) = delete;
    RawPeer& operator=(const RawPeer&) = delete;

    /// How much of it the other side takes now.
    std::size_t say_some(std::string_view bytes) {
        const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return sent > 0 ? static_cast<std::size_t>(sent) : 0;
    }
    /// False once the other side has closed, or takes nothing for now.
    bool say(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto sent = say_some(bytes);
            if (sent == 0) return false;
            bytes.remove_prefix(sent);
        }
        return true;
    }
    /// Reads away what is there; true when the other side has closed.
    bool closed() {
        char sink[4096];
        for (;;) {
            const auto got = ::recv(socket_, sink, sizeof sink, MSG_DONTWAIT);
            if (got == 0) return true;
            if (got < 0) return errno != EAGAIN;
            heard_ += static_cast<std::size_t>(got);
        }
    }
    /// How many bytes the other side has said, or a lot once it has closed.
    std::size_t heard() { return closed() ? SIZE_MAX : heard_; }

private:
    int socket_;
    std::size_t heard_ = 0;
};

// The beginning of ZMTP 3.1 without security (RFC 37): greeting, then READY with a socket type.
const std::string kGreeting = "\xff\0\0\0\0\0\0\0\0\x7f\x03\x01NULL"s + std::string(48, '\0');

std::string command(const std::string& body) {
    return "\x04"s + static_cast<char>(body.size()) + body;
}
std::string property(const std::string& name, const std::string& value) {
    return static_cast<char>(name.size()) + name + "\0\0\0"s + static_cast<char>(value.size()) + value;
}
std::string ready(const std::string& more = {}) {
    return command("\x05READY" + property("Socket-Type", "DEALER") + more);
}
// Goes through the handshake step by step, as libzmq wants it.
void enter(RawPeer& peer, Pump& pump, const std::string& properties = {}) {
    REQUIRE(peer.say(kGreeting));
    pump.until([&] { return peer.heard() >= kGreeting.size(); });
    REQUIRE(peer.say(ready(properties)));
    pump.until([&] { return peer.heard() > kGreeting.size(); });
}
std::string frame(const std::string& body, bool more) {
    return std::string(1, more ? '\1' : '\0') + static_cast<char>(body.size()) + body;
}
// A frame of 1 MiB that says another follows.
const std::string kEndless = "\x03\0\0\0\0\0\x10\0\0"s + std::string(1 << 20, 'x');

std::size_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::size_t total = 0, resident = 0;
    file >> total >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Sanitizers keep freed memory for a while and make all of it larger.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t kSlack = std::size_t{1} << 30;
#else
constexpr std::size_t kSlack = 0;
#endif

// A port under attack and a good client of it.
template <class Net>
struct Scene {
    Net net{};
    std::unique_ptr<Port> server, good;
    std::string endpoint;
    PeerId to_server{};
    Pump pump{};

    explicit Scene(PortOptions options = {}) : server(net.server(std::move(options))), good(net.client()) {
        endpoint = server->listen(net.endpoint());
        pump.add(*server);
        pump.add(*good);
        to_server = net.connect(*good, endpoint);
        pump.expect(*good, Kind::connected);
        pump.expect(*server, Kind::connected);
    }

    void still_works() {
        CHECK(good->send(to_server, {bytes("are you there?")}));
        const Event event = next_message();
        CHECK(text(event.frames[0]) == "are you there?");
        CHECK(server->send(event.peer, {bytes("yes")}));
        CHECK(text(pump.expect(*good, Kind::message).frames[0]) == "yes");
    }
    // The next message of the good client; attackers may have been heard before.
    Event next_message() {
        for (;;) {
            pump.until([&] { return !pump.quiet(*server); });
            Event event = pump.next(*server);
            if (event.kind == Kind::message && text(event.frames[0]) == "are you there?") return event;
        }
    }
};

TEST_CASE_TEMPLATE("random bytes and broken greetings are shrugged off", Net, Tcp<false>, Tcp<true>) {
    Scene<Net> scene;
    auto random = test::generator();
    const auto garbage = [&](std::size_t size) {
        std::string out(size, '\0');
        for (char& c : out)
            c = static_cast<char>(random());
        return out;
    };
    const auto attack = [&](int rounds) {
        for (int i = 0; i < rounds; ++i) {
            RawPeer peer(scene.endpoint);
            switch (i % 6) {
                case 0: peer.say(garbage(random() % 300)); break;
                case 1: peer.say(kGreeting.substr(0, random() % kGreeting.size())); break;
                case 2: peer.say(kGreeting + garbage(random() % 300)); break;
                case 3: peer.say(kGreeting + command(garbage(random() % 120))); break;
                case 4: peer.say(kGreeting + ready(garbage(random() % 60))); break;
                case 5:
                    if (!scene.net.with_keys()) enter(peer, scene.pump);
                    peer.say(garbage(random() % 3000));
                    break;
            }
            if (i % 50 == 49) scene.still_works();
        }
        scene.pump.run_for(20ms);
    };
    attack(300);
    const std::size_t before = resident_bytes();
    attack(1500);
    scene.still_works();
    CHECK(resident_bytes() < before + (8 << 20) + kSlack);
    CHECK(scene.server->rejections().handshakes > 0);
}

TEST_CASE("a frame of absurd length ends the connection before memory is spent") {
    Scene<Tcp<false>> scene;
    const std::size_t before = resident_bytes();
    for (const char high : {'\x00', '\x10', '\x7f', '\xff'}) {
        RawPeer peer(scene.endpoint);
        enter(peer, scene.pump);
        REQUIRE(peer.say("\x02"s + high + "\xff\xff\xff\xff\xff\xff\xff" + "some data"));
        scene.pump.until([&] { return peer.closed(); });
    }
    scene.still_works();
    CHECK(resident_bytes() < before + (8 << 20) + kSlack);
}

TEST_CASE("a message that never ends is cut off, and its memory comes back") {
    PortOptions options;
    options.limits.unread_bytes = 16 << 20;
    Scene<Tcp<false>> scene(options);
    const std::size_t before = resident_bytes();
    for (int attacker = 0; attacker < 5; ++attacker) {
        RawPeer peer(scene.endpoint);
        enter(peer, scene.pump);
        REQUIRE(peer.say(frame("", false)));
        const auto deadline = base::deadline_in(kPatience);
        std::string_view left = kEndless;  // out of step it would be many short messages, which are no offence
        while (base::SteadyClock::now() < deadline && !peer.closed()) {
            left.remove_prefix(peer.say_some(left));
            if (left.empty()) left = kEndless;
            scene.pump.run_for(1ms);
        }
        CHECK(peer.closed());
    }
    CHECK(scene.server->rejections().cuts >= 4);
    scene.still_works();
    CHECK(resident_bytes() < before + (256 << 20) + kSlack);
}

TEST_CASE("floods are cut off while the owner is away") {
    PortOptions options;
    options.limits.unread_bytes = 16 << 20;
    Scene<Tcp<false>> scene(options);
    const std::size_t before = resident_bytes();
    for (const bool endless : {false, true}) {
        RawPeer peer(scene.endpoint);
        enter(peer, scene.pump);
        REQUIRE(peer.say(frame("", false)));
        const std::string part = (endless ? "\x03"s : "\x02"s) + kEndless.substr(1);
        const auto deadline = base::deadline_in(kPatience);
        std::string_view left = part;
        while (base::SteadyClock::now() < deadline && !peer.closed()) {
            left.remove_prefix(peer.say_some(left));
            if (left.empty()) left = part;
        }
        CHECK(peer.closed());
    }
    CHECK(scene.server->rejections().cuts >= 2);  // on a slow machine the honest peer fell silent meanwhile, too
    CHECK(resident_bytes() < before + (1 << 30) + kSlack);
    scene.still_works();
}

TEST_CASE_TEMPLATE("a peer that does not read is cut off when too much waits for it", Net, Tcp<false>) {
    PortOptions options;
    options.limits.unsent_bytes = 64 << 20;
    Scene<Net> scene(options);
    RawPeer peer(scene.endpoint);
    enter(peer, scene.pump);
    REQUIRE(peer.say(frame("hello", false)));
    const PeerId id = scene.pump.expect(*scene.server, Kind::connected).peer;
    scene.pump.expect(*scene.server, Kind::message);
    const auto large = filled(1 << 20, 'x');
    int sent = 0;
    while (scene.server->send(id, {bytes("header"), large})) {
        ++sent;
        REQUIRE(sent < 10'000);
        CHECK(scene.server->unsent_bytes(id) <= options.limits.unsent_bytes);
    }
    CHECK(sent >= 63);
    CHECK(scene.server->rejections().cuts == 1);
    CHECK(scene.pump.expect(*scene.server, Kind::disconnected).peer == id);
    scene.pump.until([&] { return large.owner().use_count() == 1; });
    scene.still_works();
}

TEST_CASE("pings, floods and leaving while nobody reads do not end the process") {
    Scene<Tcp<false>> scene;
    for (int round = 0; round < 20; ++round) {
        RawPeer peer(scene.endpoint);
        enter(peer, scene.pump);
        std::string flood;
        for (int i = 0; i < 3000; ++i)
            flood += frame("x", false);
        flood += command("\4PING\0\1context"s) + frame("y", false) + command("\4PONG"s) + command("\5ERROR\1x"s);
        peer.say(flood);
        peer.say(command("\4PING"s));
    }
    std::this_thread::sleep_for(50ms);  // the owner is busy meanwhile
    scene.still_works();
}

TEST_CASE("multiparts above the limits are dropped and counted") {
    Scene<Tcp<false>> scene;
    RawPeer peer(scene.endpoint);
    enter(peer, scene.pump);
    std::string many;
    for (int i = 0; i < 1000; ++i)
        many += frame("part", true);
    REQUIRE(peer.say(many + frame("end", false) + frame("good", false)));
    CHECK(scene.pump.expect(*scene.server, Kind::connected).text == "127.0.0.1");
    CHECK(text(scene.pump.expect(*scene.server, Kind::message).frames[0]) == "good");
    CHECK(scene.server->rejections().messages == 1);
    scene.still_works();
}

TEST_CASE("nobody gets a key by saying so") {
    Scene<Tcp<false>> scene;
    const std::string name = Keys::generate().public_key().text();
    RawPeer peer(scene.endpoint);
    enter(peer, scene.pump, property("User-Id", name) + property("__fd", "0"));
    REQUIRE(peer.say(frame("hello", false)));
    CHECK_FALSE(scene.pump.expect(*scene.server, Kind::connected).key);
    CHECK_FALSE(scene.pump.expect(*scene.server, Kind::message).key);
    RawPeer other(scene.endpoint);
    enter(other, scene.pump, property("User-Id", "nonsense"));
    REQUIRE(other.say(frame("hello", false)));
    CHECK_FALSE(scene.pump.expect(*scene.server, Kind::connected).key);
}

TEST_CASE("more connections than allowed are cut, and those that are in stay") {
    PortOptions options;
    options.limits.connections = 10;
    Scene<Tcp<false>> scene(options);
    std::vector<std::unique_ptr<RawPeer>> crowd;
    for (int i = 0; i < 100; ++i) {
        crowd.push_back(std::make_unique<RawPeer>(scene.endpoint));
        crowd.back()->say(kGreeting + ready());
    }
    int open = 0;
    scene.pump.until([&] {
        open = 0;
        for (auto& peer : crowd)
            open += peer->closed() ? 0 : 1;
        return open <= 9;
    });
    CHECK(open == 9);
    CHECK(scene.server->rejections().cuts >= 91);
    scene.still_works();
    crowd.clear();
    scene.pump.run_for(50ms);
    auto late = scene.net.client();
    scene.pump.add(*late);
    scene.net.connect(*late, scene.endpoint);
    scene.pump.expect(*late, Kind::connected);
}

}  // namespace
