// Boards that die, hang or are cut off, and hubs that restart, while requests run.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "cli/command.hpp"
#include "scenarios/digits.hpp"
#include "support/random.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

// How many rounds of the random kills; a long run sets SHOAL_KILL_ROUNDS.
int rounds() {
    const char* given = std::getenv("SHOAL_KILL_ROUNDS");
    return given == nullptr ? 3 : std::atoi(given);
}

void wait_until_answering(const Cluster& cluster, std::uint64_t answered) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < end) {
        const auto status = cluster.status();
        for (const auto& model : status["models"]) {
            if (model["answered"].get<std::uint64_t>() >= answered) return;
        }
    }
    FAIL("nothing is answered: " << cluster.status().dump());
}

// What the hub says of every new plan: "done after 12 ms".
std::vector<double> recovery_ms(const std::string& said) {
    const std::string words = "done after ";
    std::vector<double> out;
    for (auto at = said.find(words); at != std::string::npos; at = said.find(words, at + 1))
        out.push_back(std::stod(said.substr(at + words.size())));
    return out;
}

void check_all_answered(DigitsRun::Result run, const std::string& device, int times = 1) {
    INFO(run.error);
    REQUIRE(run.exit_code == 0);
    CHECK(run.report["cluster"]["requests"] == kImages * times);
    CHECK(run.scores.shape()[0] == kImages * times);
    CHECK(wrong_rows(run.scores, digits_on_one_board(device)) == 0);
}

}  // namespace

TEST_CASE("kill -9 of any board at any moment loses, repeats and falsifies no answer") {
    constexpr int kTimes = 8;
    const auto device = cluster_device();
    auto random = generator();
    (void)digits_on_one_board(device);
    Cluster cluster({device, {}, {}, true});
    const std::vector<std::string> names{"a", "b", "c"};
    for (const auto& name : names)
        cluster.start_board(name, "700KiB");
    std::uint64_t repeated = 0;
    for (int round = 0; round < rounds(); ++round) {
        CAPTURE(round);
        cluster.await_boards(3);
        const auto& victim = names[static_cast<std::size_t>(round) % names.size()];
        CAPTURE(victim);
        DigitsRun run(cluster, "--in-flight 8", kTimes);
        std::this_thread::sleep_for(std::chrono::milliseconds(std::uniform_int_distribution<int>(100, 1200)(random)));
        cluster.kill_board(victim);
        auto result = run.result();
        if (result.exit_code == 0) repeated += result.report["cluster"]["repeated"].get<std::uint64_t>();
        std::string logs = cluster.hub().said();
        for (const auto& name : names)
            if (name != victim) logs += "--- " + name + "\n" + cluster.board(name).said();
        INFO(logs);
        check_all_answered(std::move(result), device, kTimes);
        cluster.start_board(victim, "700KiB");
    }
    MESSAGE(rounds(), " boards killed, ", repeated, " requests ran again, each was answered once");
    const auto said = cluster.hub().stop();
    auto times = recovery_ms(said);
    INFO(said);
    REQUIRE(!times.empty());
    std::sort(times.begin(), times.end());
    MESSAGE("from a loss that is known to serving again: median ", times[times.size() / 2], " ms, longest ",
            times.back(), " ms, of ", times.size());
}

TEST_CASE("a board that hangs is found out and done without") {
    Cluster cluster({"host", {}, {}, true});
    for (const std::string name : {"a", "b", "c"})
        cluster.start_board(name, "700KiB");
    cluster.await_boards(3);
    DigitsRun run(cluster, "--in-flight 4");
    wait_until_answering(cluster, 20);
    std::string victim;
    const auto status = cluster.status();
    for (const auto& model : status["models"])
        victim = model["stages"][0]["board"].get<std::string>();
    cluster.board(victim).send(SIGSTOP);
    check_all_answered(run.result(), "host");
    cluster.board(victim).send(SIGCONT);
    cluster.await_boards(3);  // it comes back by itself
}

TEST_CASE("when nothing fits any more each request gets a clear error, and a board that comes makes it work again") {
    Cluster cluster({"host", {}, {}, true});
    cluster.start_board("a", "700KiB");
    cluster.start_board("b", "640KiB");
    cluster.await_boards(2);
    DigitsRun run(cluster, "--in-flight 4 --deadline 5", 4);
    wait_until_answering(cluster, 20);
    cluster.kill_board("b");
    const auto failed = run.result();
    CHECK(failed.exit_code == 1);
    CHECK(contains(failed.error, "a board may come back"));
    const auto last = failed.error.substr(std::min(failed.error.find("shoal run: request "), failed.error.size()));
    CHECK(is_one_line(last));
    CHECK(contains(last, "KiB"));
    cluster.start_board("b", "640KiB");
    cluster.await_boards(2);
    check_all_answered(DigitsRun(cluster).result(), "host");
}

TEST_CASE("a stream outlasts that nothing fits for a while") {
    Cluster cluster({"host", {}, {}, true});
    cluster.start_board("a", "700KiB");
    cluster.start_board("b", "640KiB");
    cluster.await_boards(2);
    DigitsRun run(cluster, "--in-flight 4", 4);
    wait_until_answering(cluster, 20);
    cluster.kill_board("b");
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!contains(run.warnings(), "a board may come back") && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    cluster.start_board("b", "640KiB");
    auto result = run.result();
    CHECK(contains(result.error, "a board may come back"));
    check_all_answered(std::move(result), "host", 4);
}

TEST_CASE("a hub that is killed and started again is found by its boards and by its clients") {
    Cluster cluster({"host", {}, {}, true});
    cluster.start_board("a", "700KiB");
    cluster.start_board("b", "640KiB");
    cluster.await_boards(2);
    DigitsRun run(cluster, "--in-flight 4");
    wait_until_answering(cluster, 20);
    cluster.kill_hub();
    cluster.start_hub();
    cluster.await_boards(2);
    check_all_answered(run.result(), "host");
}
