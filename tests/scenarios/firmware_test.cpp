// examples/firmware-c against a real hub: a C program with a main loop of its own that is a board and sends frames too,
// while the hub is absent, comes, dies and comes back; and the same under valgrind.
#include <doctest/doctest.h>

#include <stdexcept>

#include "cli/command.hpp"
#include "scenarios/processes.hpp"
#include "support/process.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

const std::string kValgrind = SHOAL_VALGRIND;

std::string firmware(const Cluster& cluster, const std::string& more) {
    return SHOAL_FIRMWARE " " SHOAL_SOURCE_DIR "/examples/digits/digits.onnx --hub " + cluster.endpoint() + " --key " +
           cluster.file("client") + " --hub-key " + cluster.file("hub.pub") + " --cache " +
           cluster.file("cache-firmware") + " --device host " + more;
}

// The number behind `word` in a report of the firmware's.
unsigned long figure(const std::string& line, const std::string& word) {
    return std::stoul(line.substr(line.find(word) + word.size()));
}

// Waits for reports until one has more than `count` behind `word`.
std::string wait_for_more(Member& member, const std::string& word, unsigned long count) {
    for (int reports = 0; reports < 120; ++reports) {
        const auto line = member.wait_for(word);
        if (figure(line, word) > count) return line;
    }
    throw std::runtime_error("never more than " + std::to_string(count) + " " + word + ":\n" + member.said());
}

// What it says when it is told to end, and how long it says that took.
unsigned long stopped_ms(Member& member) {
    const auto said = member.stop();
    INFO(said);
    REQUIRE(contains(said, "stopped in "));
    return figure(said, "stopped in ");
}

}  // namespace

TEST_CASE("firmware in C survives its hub's absence and return, and ends on a signal within its stated time") {
    constexpr unsigned long kStated_ms = 8000;  // kStopSeconds of firmware.c
    Cluster cluster;
    cluster.kill_hub();
    Member board(firmware(cluster, "--period 20 --deadline 2000"));
    board.wait_for("no hub yet");
    cluster.start_hub();
    board.wait_for("connected to hub");
    const auto first = wait_for_more(board, "answered ", 0);
    MESSAGE(first);
    wait_for_more(board, "joined, ", 0);
    for (const bool killed : {true, false}) {
        CAPTURE(killed);
        killed ? cluster.kill_hub() : cluster.stop_hub();
        board.wait_for("; node alone, ");
        cluster.start_hub();
        const auto back = board.wait_for("; node joined, ");
        wait_for_more(board, "answered ", figure(back, "answered "));
    }
    CHECK(stopped_ms(board) < kStated_ms);
}

TEST_CASE("firmware ends as fast without a hub, and with one that is gone") {
    constexpr unsigned long kStated_ms = 8000;
    Cluster cluster;
    Member with(firmware(cluster, "--name with --period 20"));
    wait_for_more(with, "answered ", 0);
    cluster.kill_hub();
    CHECK(stopped_ms(with) < kStated_ms);
    Member without(firmware(cluster, "--name without --period 20"));
    without.wait_for("no hub yet");
    CHECK(stopped_ms(without) < kStated_ms);
}

TEST_CASE("under valgrind the firmware has no error and leaks nothing of ours") {
    if (kValgrind.empty()) {
        MESSAGE("skipped, valgrind is not installed");
        return;
    }
    Cluster cluster;
    const auto log = cluster.file("valgrind");
    Member board(kValgrind + " --error-exitcode=9 --leak-check=full --show-leak-kinds=definite,indirect,possible" +
                 " --errors-for-leak-kinds=definite,indirect,possible --log-file=" + log + " " +
                 firmware(cluster, "--period 200 --deadline 20000"));
    wait_for_more(board, "answered ", 0);
    cluster.kill_hub();
    board.wait_for("; node alone, ");
    cluster.start_hub();
    const auto back = board.wait_for("; node joined, ");
    wait_for_more(board, "answered ", figure(back, "answered "));
    (void)stopped_ms(board);
    const auto summary = run_command("cat " + log).output;
    INFO(summary);
    CHECK(contains(summary, "ERROR SUMMARY: 0 errors"));
}
