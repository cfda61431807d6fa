// Who is let in, and what a client of a full hub is told.
#include <doctest/doctest.h>

#include <thread>

#include "cli/command.hpp"
#include "scenarios/digits.hpp"
#include "transport/keys.hpp"

using namespace shoal;
using namespace shoal::test;

TEST_CASE("an unknown key gets nothing, until it is added; one that is taken away is cut off") {
    Cluster cluster({"host", {}, {}, true});
    transport::Keys::generate().save(cluster.file("stranger"));
    const std::string flags = "status --hub " + cluster.endpoint() + " --key " + cluster.file("stranger") +
                              " --hub-key " + cluster.file("hub.pub");
    const auto refused = shoal_command(flags);
    CHECK(refused.exit_code == 1);
    CHECK(is_one_line(refused.error));
    CHECK(refused.out.empty());
    std::filesystem::copy_file(cluster.file("stranger.pub"), cluster.file("allowed/stranger.pub"));
    bool let_in = false;
    // The hub looks every second; a refusal comes faster than that.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!let_in && std::chrono::steady_clock::now() < end)
        let_in = shoal_command(flags).exit_code == 0;
    CHECK(let_in);
    CHECK(cluster.status()["refused_handshakes"] >= 1);
}

TEST_CASE("a hub with the wrong key is not trusted") {
    Cluster cluster({"host", {}, {}, true});
    const auto run = shoal_command("status --hub " + cluster.endpoint() + " --key " + cluster.file("client") +
                                   " --hub-key " + cluster.file("client.pub"));
    CHECK(run.exit_code == 1);
    CHECK(is_one_line(run.error));
}

TEST_CASE("without keys a hub serves this machine alone") {
    const auto open = shoal_command("hub --listen tcp://*:0");
    CHECK(open.exit_code == 1);
    CHECK(contains(open.error, "key"));
    Cluster cluster({"host", {}, {}, false});
    cluster.start_board("a", "4MiB");
    cluster.await_boards(1);
    auto run = DigitsRun(cluster).result();
    INFO(run.error);
    CHECK(run.exit_code == 0);
}

TEST_CASE("a hub that is not there is named") {
    const auto run = shoal_command("status --connect-timeout 5 --hub 127.0.0.1:1");
    CHECK(run.exit_code == 1);
    CHECK(is_one_line(run.error));
    CHECK(contains(run.error, "127.0.0.1:1"));
}

TEST_CASE("several clients at once are all served, and a hub that is full says so") {
    Cluster cluster({"host", "--max-requests 3", {}, true});
    cluster.start_board("a", "4MiB");
    cluster.await_boards(1);
    // Each wants more than the hub takes; what is refused as busy is sent again until its deadline.
    DigitsRun first(cluster, "--in-flight 6"), second(cluster, "--in-flight 6");
    for (auto* run : {&first, &second}) {
        auto result = run->result();
        INFO(result.error);
        REQUIRE(result.exit_code == 0);
        CHECK(wrong_rows(result.scores, digits_on_one_board("host")) == 0);
    }
}

TEST_CASE("a cluster on this machine with one command") {
    const TemporaryFolder folder;
    Member local(SHOAL_COMMAND " local --boards 2 --memory 700KiB,640KiB --device host --listen 127.0.0.1:* --folder " +
                 folder.path().string());
    const auto flags = local.wait_for("--hub ");
    local.wait_for("board joined");
    local.wait_for("board joined");
    const std::string digits = SHOAL_SOURCE_DIR "/examples/digits/";
    const auto run =
        shoal_command("run " + digits + "digits.onnx --input " + images_file(folder.path()) + " --each " + flags);
    INFO(run.error);
    CHECK(run.exit_code == 0);
    CHECK(contains(run.out, std::to_string(kImages) + " requests"));
    local.stop();
    CHECK(shoal_command("status --connect-timeout 5 " + flags).exit_code == 1);  // everything ended with it
}
