#include "cli/cluster_file.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "plan/cluster.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace shoal;
using namespace shoal::cli;
using nlohmann::json;

namespace {

json two_boards() {
    return json::parse(R"({
        "boards": [
            {"name": "kitchen", "kind": "gpu", "memory": "64MiB", "gflops": 12, "gb_per_s": 6, "launch_us": 20},
            {"name": "attic", "memory": 1048576, "gflops": 3.5, "gb_per_s": 2, "round_trip_us": 100}
        ],
        "default_link": {"latency_ms": 1, "mb_per_s": 11},
        "links": [
            {"from": "hub", "to": "attic", "latency_ms": 0.5, "mb_per_s": 90},
            {"from": "kitchen", "to": "attic", "latency_ms": 3, "mb_per_s": 5, "medium": 2, "one_way": true}
        ]
    })");
}

std::string problem_of(const json& document) {
    try {
        (void)cluster_of(document);
    } catch (const base::Error& error) {
        CHECK(error.code() == base::Code::invalid_argument);
        return error.what();
    }
    return "";
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a cluster file says boards and links") {
    const auto cluster = cluster_of(two_boards());
    REQUIRE(cluster.boards.size() == 2);
    CHECK(cluster.boards[0].name == "kitchen");
    CHECK(cluster.boards[0].device.kind == device::Kind::gpu);
    CHECK(cluster.boards[0].memory_bytes == 64U << 20);
    CHECK(cluster.boards[0].device.rates.flops_per_s == doctest::Approx(12e9));
    CHECK(cluster.boards[0].device.rates.launch_s == doctest::Approx(20e-6));
    CHECK(cluster.boards[1].device.kind == device::Kind::cpu);
    CHECK(cluster.boards[1].memory_bytes == 1048576);
    CHECK(cluster.boards[1].device.rates.round_trip_s == doctest::Approx(1e-4));
    CHECK(cluster.from_hub(1).latency_s == doctest::Approx(5e-4));
    CHECK(cluster.to_hub(1).bytes_per_s == doctest::Approx(90e6));
    CHECK(cluster.between(0, 1).medium == 2);
    CHECK(cluster.between(1, 0).latency_s == doctest::Approx(1e-3));  // the default: the other was one way
}

TEST_CASE("what is written is read back as it was") {
    const auto cluster = cluster_of(two_boards());
    const auto again = cluster_of(json::parse(cluster_json(cluster).dump()));
    REQUIRE(again.boards.size() == cluster.boards.size());
    for (std::size_t i = 0; i < cluster.boards.size(); ++i) {
        CHECK(again.boards[i].name == cluster.boards[i].name);
        CHECK(again.boards[i].memory_bytes == cluster.boards[i].memory_bytes);
        CHECK(again.boards[i].device.kind == cluster.boards[i].device.kind);
        CHECK(again.boards[i].device.rates.flops_per_s == doctest::Approx(cluster.boards[i].device.rates.flops_per_s));
    }
    for (std::size_t from = 0; from < 3; ++from) {
        for (std::size_t to = 0; to < 3; ++to) {
            CHECK(again.link(from, to).latency_s == doctest::Approx(cluster.link(from, to).latency_s));
            CHECK(again.link(from, to).medium == cluster.link(from, to).medium);
        }
    }
}

TEST_CASE("a mistake in the file is named, with where it is") {
    auto with = [](const std::string& pointer, json value) {
        auto out = two_boards();
        out[json::json_pointer(pointer)] = std::move(value);
        return problem_of(out);
    };
    CHECK(contains(with("/boards/0/gflop", 3), "unknown field 'gflop'"));
    CHECK(contains(with("/boards/0/gflop", 3), "did you mean 'gflops'"));
    CHECK(contains(with("/boards/0/memory", "64 bananas"), "kitchen"));
    CHECK(contains(with("/boards/0/memory", -3), "memory must be a size"));
    CHECK(contains(with("/boards/1/gflops", "fast"), "attic"));
    CHECK(contains(with("/boards/1/gflops", -1), "0 or more"));
    CHECK(contains(with("/boards/1/kind", "gpuu"), "did you mean"));
    auto twice = two_boards();
    twice["boards"][1]["name"] = "kitchen";
    twice.erase("links");
    CHECK(contains(problem_of(twice), "kitchen"));
    CHECK(contains(with("/links/0/to", "atic"), "did you mean 'attic'"));
    CHECK(contains(with("/links/0/to", "hub"), "to itself"));
    CHECK(contains(with("/links/0/medium", 1.5), "whole number"));
    CHECK(contains(with("/links/1/one_way", 1), "true or false"));
    CHECK(contains(with("/boards", json::object()), "boards must be a list"));
    CHECK(contains(with("/links", 3), "links is not a list"));
    auto nameless = two_boards();
    nameless["boards"][0].erase("name");
    CHECK(contains(problem_of(nameless), "board 1 has no 'name'"));
    CHECK(contains(problem_of(json::array()), "is not an object"));
    CHECK(contains(problem_of(json::object()), "has no 'boards'"));
}

TEST_CASE("every prefix of a file is refused or read, and the file is named") {
    const test::TemporaryFolder folder;
    const std::string whole = two_boards().dump();
    for (std::size_t length = 0; length < whole.size(); ++length) {
        base::replace_file(folder / "c.json", whole.substr(0, length));
        try {
            (void)read_cluster(folder / "c.json");
            FAIL("a part of the file was taken for the whole: ", length);
        } catch (const base::Error& error) {
            CHECK(contains(error.what(), "c.json"));
        }
    }
    CHECK_THROWS_AS((void)read_cluster(folder / "none.json"), base::Error);
}
