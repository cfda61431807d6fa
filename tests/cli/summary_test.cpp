#include "cli/summary.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"

using namespace shoal;
using namespace shoal::cli;
using tensor::Tensor;

TEST_CASE("a summary is of the finite elements") {
    const float nan = std::nanf(""), infinity = std::numeric_limits<float>::infinity();
    const auto some = summarise(Tensor::of<float>({5}, {1, nan, -3, infinity, 5}));
    CHECK(some.finite == 3);
    CHECK(some.not_finite == 2);
    CHECK(some.least == -3);
    CHECK(some.greatest == 5);
    CHECK(some.mean == 1);
    CHECK(summarise(Tensor::of<float>({0}, {})).finite == 0);
    CHECK(summarise(Tensor::of<float>({1}, {nan})).greatest == 0);
    CHECK(summarise(Tensor::of<std::int64_t>({2}, {-1, 3})).mean == 1);
}

TEST_CASE("the best classes of one row of scores") {
    const auto best = best_classes(Tensor::of<float>({1, 7}, {0, 3, 1, 3, -1, 2, 0}), 3);
    REQUIRE(best.size() == 3);
    CHECK(best[0].index == 1);  // equal scores in order
    CHECK(best[1].index == 3);
    CHECK(best[2].index == 5);
    const double sum = 2 * std::exp(0.) + std::exp(-1.) + std::exp(-2.) + 2 * std::exp(-3.) + std::exp(-4.);
    CHECK(best[0].probability == doctest::Approx(1 / sum));
    CHECK(best_classes(Tensor::of<float>({1, 3, 1, 1}, {1, 2, 3})).size() == 3);
    const auto probabilities = best_classes(Tensor::of<float>({1, 3}, {0.25F, 0.5F, 0.25F}));
    CHECK(probabilities[0].probability == 0.5);
}

TEST_CASE("what is no classifier's output has no classes") {
    CHECK(best_classes(Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6})).empty());
    CHECK(best_classes(Tensor::of<float>({3}, {1, 2, 3})).empty());
    CHECK(best_classes(Tensor::of<float>({1, 1}, {1})).empty());
    CHECK(best_classes(Tensor::of<float>({1, 0}, {})).empty());
    CHECK(best_classes(Tensor::of<std::int64_t>({1, 3}, {1, 2, 3})).empty());
    CHECK(best_classes(Tensor::of<float>({1, 2}, {1, std::nanf("")})).empty());
}

TEST_CASE("labels stand beside their classes, in 80 columns") {
    std::vector<std::string> labels{"tench", std::string(120, 'x'), "shark"};
    const auto text = summary_text("scores", Tensor::of<float>({1, 4}, {1, 4, 3, 2}), labels);
    CHECK(test::contains(text, "shark"));
    CHECK(test::contains(text, "xxx...xxx"));
    CHECK(test::widest_line(text) <= 80);
    const auto json = summary_json("scores", Tensor::of<float>({1, 4}, {1, 4, 3, 2}), labels);
    CHECK(json["best"][1]["label"] == "shark");
    CHECK(!json["best"][2].contains("label"));
    CHECK(json["max"] == 4);
    CHECK(json["shape"] == std::vector<int>{1, 4});
}

TEST_CASE("few values are printed as they are") {
    CHECK(test::contains(summary_text("y", Tensor::of<std::int64_t>({2}, {9007199254740993, -1}), {}),
                         "9007199254740993 -1"));
}
