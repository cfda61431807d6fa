#include "transport/endpoint.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"

namespace {

using namespace shoal;
using transport::Endpoint;
using transport::parse_endpoint;

TEST_CASE("endpoints are read and written back") {
    for (const char* text : {"tcp://127.0.0.1:5700", "tcp://*:*", "tcp://hub.local:1", "tcp://[::1]:65535",
                             "tcp://[fe80::1]:0", "ipc:///run/shoal.sock", "inproc://hub"}) {
        CHECK(parse_endpoint(text).text() == text);
    }
    CHECK(parse_endpoint("tcp://[::1]:5") == Endpoint{Endpoint::Kind::tcp, "::1", "5"});
}

TEST_CASE("a hub may be given by its host alone") {
    using transport::hub_endpoint;
    CHECK(hub_endpoint("192.168.1.10") == "tcp://192.168.1.10:7070");
    CHECK(hub_endpoint("hub.local:5") == "tcp://hub.local:5");
    CHECK(hub_endpoint("[::1]") == "tcp://[::1]:7070");
    CHECK(hub_endpoint("[::1]:5") == "tcp://[::1]:5");
    CHECK(hub_endpoint("tcp://hub") == "tcp://hub:7070");
    CHECK(hub_endpoint("ipc:///run/shoal.sock") == "ipc:///run/shoal.sock");
    for (const char* text : {"", ":5", "ho st", "http://host", "host:", "[::1"})
        CHECK_THROWS_AS(static_cast<void>(hub_endpoint(text)), base::Error);
}

TEST_CASE("what is no endpoint is refused") {
    for (const std::string& text :
         {std::string(), std::string("tcp://"), std::string("tcp://host"), std::string("tcp://:5"),
          std::string("tcp://host:"), std::string("tcp://host:65536"), std::string("tcp://host:-1"),
          std::string("tcp://host:12a"), std::string("tcp://ho st:1"), std::string("tcp://host;eth0:1"),
          std::string("tcp://[::g]:1"), std::string("tcp://::1:1"), std::string("http://host:1"), std::string("ipc://"),
          "ipc://" + std::string(101, 'x'), "tcp://" + std::string(300, 'x') + ":1",
          std::string("inproc://a\0b", 12)}) {
        CAPTURE(text);
        CHECK_THROWS_AS(static_cast<void>(parse_endpoint(text)), base::Error);
    }
}

TEST_CASE("what stays on this machine is known by its address") {
    for (const char* text : {"tcp://127.0.0.1:1", "tcp://127.8.9.10:1", "tcp://[::1]:1", "tcp://localhost:1",
                             "ipc:///tmp/x", "inproc://x"}) {
        CHECK(parse_endpoint(text).is_local());
    }
    for (const char* text : {"tcp://128.0.0.1:1", "tcp://*:1", "tcp://0.0.0.0:1", "tcp://[::]:1", "tcp://127.example:1",
                             "tcp://127.0.0.1.example:1", "tcp://eth0:1", "tcp://[::ffff:127.0.0.1]:1"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_endpoint(text).is_local());
    }
    CHECK(parse_endpoint("tcp://10.0.0.1:1").is_numeric());
    CHECK(parse_endpoint("tcp://[::1]:1").is_numeric());
    CHECK_FALSE(parse_endpoint("tcp://hub:1").is_numeric());
}

TEST_CASE("a wildcard host becomes the address that others see") {
    CHECK(transport::reachable_endpoint("tcp://0.0.0.0:7", "192.168.1.5") == "tcp://192.168.1.5:7");
    CHECK(transport::reachable_endpoint("tcp://*:7", "fe80::2") == "tcp://[fe80::2]:7");
    CHECK(transport::reachable_endpoint("tcp://[::]:7", "10.0.0.1") == "tcp://10.0.0.1:7");
    CHECK(transport::reachable_endpoint("tcp://10.0.0.2:7", "10.0.0.1") == "tcp://10.0.0.2:7");
    CHECK(transport::reachable_endpoint("ipc:///x", "10.0.0.1") == "ipc:///x");
}

}  // namespace
