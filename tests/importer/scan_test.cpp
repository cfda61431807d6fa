// Scan, in the form of version 8 and in that of version 9.
#include <doctest/doctest.h>

#include "importer/lowering.hpp"
#include "support/compare.hpp"
#include "support/errors.hpp"
#include "support/model_maker.hpp"

using namespace shoal;
using namespace shoal::test;

namespace {

/// sum += row, and each sum on the way.
onnx::GraphProto running_sum() {
    onnx::GraphProto body;
    GraphMaker(body)
        .input("sum_in", ElementType::f32, {2})
        .input("row", ElementType::f32, {2})
        .op("Add", {"sum_in", "row"}, {"sum"})
        .op("Identity", {"sum"}, {"seen"})
        .output("sum")
        .output("seen");
    return body;
}

}  // namespace

TEST_CASE("scan walks along axes, forwards and backwards") {
    const auto body = running_sum();
    for (const bool backwards : {false, true}) {
        ModelMaker maker;
        maker.graph()
            .input("x", ElementType::f32, {2, 3})
            .initialiser("start", floats({2}, {0, 0}))
            .op("Scan", {"start", "x"}, {"last", "all"},
                {{"body", body},
                 {"num_scan_inputs", std::int64_t{1}},
                 {"scan_input_axes", std::vector<std::int64_t>{1}},
                 {"scan_input_directions", std::vector<std::int64_t>{backwards}},
                 {"scan_output_axes", std::vector<std::int64_t>{1}},
                 {"scan_output_directions", std::vector<std::int64_t>{backwards}}})
            .output("last")
            .output("all");
        const auto got = run_model(maker.model(), {{"x", floats({2, 3}, {1, 2, 3, 10, 20, 30})}});
        CHECK(got[0].as<float>()[1] == 60);
        CHECK(got[1].shape() == Shape{2, 3});
        CHECK(got[1].as<float>()[1] == (backwards ? 5 : 3));
    }
}

TEST_CASE("Scan of version 8 runs over the entries of a batch") {
    const auto body = running_sum();
    const auto scanned = [&](std::int64_t backwards, const std::vector<std::int64_t>& lengths) {
        ModelMaker maker(8);
        maker.graph()
            .input("start", ElementType::f32, {2, 2})
            .input("x", ElementType::f32, {2, 3, 2})
            .initialiser("lengths", tensor::from_ints(lengths))
            .op("Scan", {lengths.empty() ? "" : "lengths", "start", "x"}, {"last", "all"},
                {{"body", body},
                 {"num_scan_inputs", std::int64_t{1}},
                 {"directions", std::vector<std::int64_t>{backwards}}})
            .output("last")
            .output("all");
        return run_model(maker.model(), {{"start", floats({2, 2}, {0, 0, 100, 200})},
                                         {"x", floats({2, 3, 2}, {1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60})}});
    };
    const auto all = scanned(0, {});
    CHECK(difference(all[0], floats({2, 2}, {9, 12, 190, 320})) == "");
    CHECK(difference(all[1], floats({2, 3, 2}, {1, 2, 4, 6, 9, 12, 110, 220, 140, 260, 190, 320})) == "");
    const auto shorter = scanned(0, {3, 2});
    CHECK(difference(shorter[0], floats({2, 2}, {9, 12, 140, 260})) == "");
    CHECK(difference(shorter[1], floats({2, 3, 2}, {1, 2, 4, 6, 9, 12, 110, 220, 140, 260, 0, 0})) == "");
    const auto backwards = scanned(1, {1, 2});
    CHECK(difference(backwards[1], floats({2, 3, 2}, {1, 2, 0, 0, 0, 0, 130, 240, 140, 260, 0, 0})) == "");
    CHECK(says(error_of([&] { (void)scanned(0, {3}); }), "1 sequence lengths for 2 entries"));
    CHECK(says(error_of([&] { (void)scanned(0, {3, 4}); }), "a sequence of 4 of 3 elements"));
}
