#include "cli/status_text.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "cli/command.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

// Long names and large numbers: the worst that a line must hold.
wire::Status busy_cluster() {
    wire::Status out;
    out.hub = "workshop";
    out.software = "0.1.0";
    out.uptime_s = 4000;
    for (const std::string name : {"raspberry-pi-5-on-the-upper-shelf", "attic", "b3"}) {
        wire::BoardStatus board;
        board.board = name;
        board.state = name == "b3" ? wire::BoardState::lost : wire::BoardState::ready;
        board.memory_used_bytes = 600 << 20;
        board.memory_limit_bytes = 1023 << 20;
        device::DeviceInfo device;
        device.name = "V3D 7.1.7 with a very long name of its driver (pthread-skylake-avx512)";
        device.kind = device::Kind::gpu;
        board.devices = {device, device};
        if (board.state == wire::BoardState::ready) board.loads = {{0.934, 3, 12}, {0.1, 0, 0}};
        board.facts = {{"board.model", "Raspberry Pi 5"}};
        board.readings = {{"temperature.cpu_c", 61.5}};
        out.boards.push_back(board);
    }
    wire::ModelStatus model;
    model.names = {"resnet50-v2-7"};
    model.state = wire::ModelState::serving;
    model.epoch = 2;
    model.requests_per_s = 12345.678;
    model.p50_ms = 1234.5;
    model.p99_ms = 98765.4;
    model.in_flight = 4;
    model.queued = 17;
    model.answered = 123456789;
    model.repeated = 3;
    for (std::uint32_t i = 0; i < 2; ++i) {
        wire::StageStatus stage;
        stage.stage = i;
        stage.board = out.boards[i].board;
        stage.work = {0, i, i * 500, i * 500 + 500};
        stage.ready = i == 0;
        stage.memory_bytes = 1000 << 20;
        stage.memory_allowed_bytes = 1020 << 20;
        stage.runs = i == 0 ? 123456789 : 0;
        stage.mean_compute_ms = 123.4;
        model.stages.push_back(stage);
    }
    model.boards = {"attic", "b3"};  // as the planner numbers them: not all that are known
    model.plan.root.work.board = 1;
    out.models.push_back(model);
    out.links = {{"", out.boards[0].board, 1234567, 1ULL << 40, 1.2e-3, 1.1e8, 3.4},
                 {out.boards[0].board, "attic", 0, 0, 0, 0, 0}};
    out.clients = {{"shoal run", "10.0.0.7", 4}};
    out.refused_handshakes = 2;
    return out;
}

}  // namespace

TEST_CASE("a busy cluster's state reads well in 80 columns") {
    const auto text = cli::status_text(busy_cluster());
    INFO(text);
    CHECK(widest_line(text) <= 80);
    for (const char* part :
         {"workshop", "attic", "lost", "93 %", "resnet50-v2-7", "serving", "planned 2 times", "3 ran again", "p99",
          "preparing", "501-1000", "hub -> ", "1 TiB", "shoal run (4 in flight)", "2 connections refused"})
        CHECK_MESSAGE(contains(text, part), part);
}

TEST_CASE("boards of another version than the hub's are named") {
    auto status = busy_cluster();
    for (auto& board : status.boards)
        board.software = status.software;
    CHECK_FALSE(contains(cli::status_text(status), "other versions"));
    status.boards[1].software = "0.0.9";
    const auto text = cli::status_text(status);
    CHECK(contains(text, "other versions of Shoal: attic 0.0.9\n"));
    CHECK(contains(text, "Shoal 0.1.0"));
}

TEST_CASE("a hub without anything says what to do") {
    wire::Status status;
    status.hub = "h";
    const auto text = cli::status_text(status);
    CHECK(contains(text, "shoal node --hub"));
    CHECK(!contains(text, "kept out"));
}

TEST_CASE("the state as JSON has every board, stage and link") {
    const auto json = cli::status_json(busy_cluster());
    REQUIRE(json["boards"].size() == 3);
    CHECK(json["boards"][0]["devices"][0]["busy"] == doctest::Approx(0.934));
    CHECK(json["boards"][0]["facts"]["board.model"] == "Raspberry Pi 5");
    CHECK(json["boards"][0]["readings"]["temperature.cpu_c"] == doctest::Approx(61.5));
    CHECK(json["boards"][2]["state"] == "lost");
    CHECK(json["models"][0]["stages"][1]["first_kernel"] == 500);
    CHECK(json["models"][0]["repeated"] == 3);
    REQUIRE(json["models"][0]["plan"]["tree"]["board"].is_string());
    CHECK(json["models"][0]["plan"]["tree"]["board"] == "b3");
    CHECK(json["links"][0]["from"] == "hub");
    CHECK(json["links"][0]["bytes"] == (1ULL << 40));
}
