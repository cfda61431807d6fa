#include "cli/suggest.hpp"

#include <doctest/doctest.h>

using namespace shoal::cli;

TEST_CASE("edit distance counts what a hand does wrong") {
    CHECK(edit_distance("", "") == 0);
    CHECK(edit_distance("run", "run") == 0);
    CHECK(edit_distance("Run", "rUN") == 0);
    CHECK(edit_distance("rnu", "run") == 1);  // a swap
    CHECK(edit_distance("rn", "run") == 1);
    CHECK(edit_distance("runn", "run") == 1);
    CHECK(edit_distance("abc", "") == 3);
    CHECK(edit_distance("kitten", "sitting") == 3);
    CHECK(edit_distance("--ouput", "--output") == 1);
}

TEST_CASE("only what is near is suggested") {
    const std::vector<std::string> names{"devices", "run", "bench", "inspect"};
    CHECK(nearest("devcies", names) == "devices");
    CHECK(nearest("insepct", names) == "inspect");
    CHECK(nearest("quantum", names) == std::nullopt);
    CHECK(nearest("xyz", names) == std::nullopt);
    CHECK(nearest("", names) == std::nullopt);
    CHECK(nearest("x", {"y"}) == std::nullopt);
    CHECK(nearest(std::string(100000, 'a'), {std::string(100000, 'a')}) == std::nullopt);
    CHECK(did_you_mean("rum", names) == "; did you mean 'run'?");
    CHECK(did_you_mean("quantum", names) == "");
}
