// Garbage over real sockets at processes that serve: truncated, bit-flipped and random messages from strangers and from
// peers that say who they are, at a hub and at a board, while both go on with their work.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "cli/command.hpp"
#include "scenarios/digits.hpp"
#include "support/random.hpp"
#include "transport/zmq_port.hpp"
#include "wire/client_messages.hpp"
#include "wire/messages.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

// Messages for each socket; a long run sets SHOAL_GARBAGE_MESSAGES.
int messages() {
    const char* given = std::getenv("SHOAL_GARBAGE_MESSAGES");
    return given == nullptr ? 3000 : std::atoi(given);
}

std::uint64_t resident_bytes(pid_t process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/statm");
    std::uint64_t all = 0, resident = 0;
    file >> all >> resident;
    return resident * 4096;
}

class Vandal {
public:
    /// With keys it is somebody whom the other side lets in.
    Vandal(std::string endpoint, std::mt19937& random) : endpoint_(std::move(endpoint)), random_(random) {
        for (auto& message : every_message(random))
            sound_.push_back(std::move(message.frames));
        connect();
    }

    /// Sends so many messages; connects again whenever it was cut off.
    void rage(int count) {
        for (int sent = 0; sent < count;) {
            while (auto event = port_->wait(base::SteadyClock::now())) {
                if (event->kind == transport::Event::Kind::connected) greet();
                if (event->kind == transport::Event::Kind::disconnected) connected_ = false;
            }
            if (!connected_ && !wait_for_connection()) connect();
            for (int burst = 0; burst < 32 && connected_; ++burst) {
                connected_ = port_->send(peer_, damaged());
                ++sent;
            }
        }
        sent_ += count;
    }
    [[nodiscard]] int sent() const noexcept { return sent_; }

private:
    std::size_t below(std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most - 1)(random_); }

    void connect() {
        port_ = transport::make_zmq_port();
        peer_ = port_->connect(endpoint_);
        connected_ = false;
        (void)wait_for_connection();
    }

    bool wait_for_connection() {
        const auto end = base::SteadyClock::now() + std::chrono::seconds(2);
        while (auto event = port_->wait(end)) {
            if (event->kind != transport::Event::Kind::connected) continue;
            connected_ = true;
            greet();
            return true;
        }
        return false;
    }

    // Half of the time it says who it is, as a client or, at a board, as a neighbour.
    void greet() {
        const auto role = below(4);
        if (role == 0) connected_ = port_->send(peer_, wire::encode(wire::ClientHello{"vandal", "0"}));
        if (role == 1) connected_ = port_->send(peer_, wire::encode(wire::PeerHello{"b1"}));
    }

    wire::Frames damaged() {
        auto frames = sound_[below(sound_.size())];
        const auto kind = below(4);
        if (kind == 0) return {base::SharedBytes::own(noise(1 + below(300)))};
        if (kind == 1) frames.resize(1 + below(frames.size()));
        auto& frame = frames[below(frames.size())];
        if (kind == 2 && !frame.empty()) frame = frame.slice(0, below(frame.size()));
        if (kind == 3 && !frame.empty()) {
            std::vector<std::byte> bytes(frame.view().begin(), frame.view().end());
            for (std::size_t flips = 1 + below(3); flips > 0; --flips)
                bytes[below(bytes.size())] ^= static_cast<std::byte>(1U << below(8));
            frame = base::SharedBytes::own(std::move(bytes));
        }
        if (frames.size() == 1 && frames[0].empty()) frames[0] = base::SharedBytes::own(noise(1));
        return frames;
    }

    std::vector<std::byte> noise(std::size_t size) {
        std::vector<std::byte> out(size);
        for (auto& byte : out)
            byte = static_cast<std::byte>(below(256));
        return out;
    }

    std::string endpoint_;
    std::mt19937& random_;
    std::vector<wire::Frames> sound_;
    std::unique_ptr<transport::Port> port_;
    transport::PeerId peer_ = transport::PeerId::none;
    bool connected_ = false;
    int sent_ = 0;
};

void check_unharmed(Vandal& vandal, pid_t victim) {
    vandal.rage(messages() / 4);
    const auto settled = resident_bytes(victim);
    REQUIRE(settled > 0);
    vandal.rage(messages() - messages() / 4);
    const auto after = resident_bytes(victim);
    CHECK_MESSAGE(after > 0, "the process is gone");
    MESSAGE(vandal.sent(), " messages; resident set ", settled >> 20, " MiB after the first quarter, ", after >> 20,
            " MiB at the end");
#ifndef SHOAL_SANITIZED
    CHECK(after < settled + (64U << 20));
#endif
}

}  // namespace

TEST_CASE("garbage at the sockets of a hub and of a board harms neither") {
    auto random = generator();
    Cluster cluster({"host", {}, {}, false});
    cluster.start_board("b1", "700KiB");
    cluster.start_board("b2", "640KiB");
    cluster.await_boards(2);
    const auto where = cluster.board("b1").said();
    const auto at = where.find("listening on tcp://");
    REQUIRE(at != std::string::npos);
    const auto data_endpoint = where.substr(at + 13, where.find('\n', at) - at - 13);

    Vandal at_hub("tcp://" + cluster.endpoint(), random), at_board(data_endpoint, random);
    check_unharmed(at_hub, cluster.hub().pid());
    check_unharmed(at_board, cluster.board("b1").pid());
    auto run = DigitsRun(cluster).result();
    INFO(run.error);
    REQUIRE(run.exit_code == 0);
    CHECK(wrong_rows(run.scores, digits_on_one_board("host")) == 0);
}
