#include "graph/planar_convolution.hpp"

#include <doctest/doctest.h>

#include "graph/builder.hpp"
#include "graph/cards.hpp"
#include "tensor/tensor.hpp"

using namespace shoal;
using graph::Ints;
using tensor::ElementType;
using tensor::Shape;

namespace {

struct Wanted {
    std::int64_t channels = 3;
    Ints perm{0, 2, 3, 1};
    Ints before{0, 1, 2, 0};  // of a pad behind the transpose; none when empty
    Ints planes_before{};     // of one in front of it
    double value = 0;
    bool read_twice = false, returned = false, own_weights = false;
};

// x, perhaps pad, transpose, perhaps pad, conv, relu: one kernel group.
graph::Graph graph_of(const Wanted& wanted) {
    graph::Builder builder("planes");
    auto x = builder.input("x", {ElementType::f32, Shape{1, wanted.channels, 9, 11}});
    if (!wanted.planes_before.empty()) x = builder.pad(x, wanted.planes_before, wanted.planes_before);
    x = builder.transpose(x, wanted.perm);
    if (!wanted.before.empty()) x = builder.pad(x, wanted.before, wanted.before, "constant", wanted.value);
    const auto channels = builder.type(x).shape.back();
    const tensor::Tensor weights(tensor::Type{ElementType::f32, Shape{8, 3, 3, channels}});
    graph::Attrs attrs{{"strides", Ints{2, 1}},
                       {"dilations", Ints{1, 1}},
                       {"pads_begin", Ints{0, 1}},
                       {"pads_end", Ints{1, 0}},
                       {"groups", std::int64_t{1}}};
    const auto w = wanted.own_weights ? x : builder.constant(weights);
    const auto y = builder.add(graph::cards::conv, {x, w}, std::move(attrs))[0];
    builder.output("y", builder.map("relu", {y}));
    if (wanted.read_twice) builder.output("twice", builder.map("neg", {x}));
    if (wanted.returned) builder.output("rows", x);
    return builder.finish();
}

std::optional<graph::PlanarConvolution> found_in(const graph::Graph& graph) {
    std::vector<std::uint32_t> makers(graph.values.size(), ~std::uint32_t{0});
    for (std::uint32_t i = 0; i < graph.ops.size(); ++i)
        makers[graph.ops[i].outputs[0]] = i;
    std::uint32_t conv = 0;
    while (!graph.ops[conv].is(graph::cards::conv))
        ++conv;
    return graph::planar_convolution_at(graph, conv, graph::readers(graph), makers);
}

}  // namespace

TEST_CASE("a convolution finds the planes before it, and the zeros around them") {
    const auto graph = graph_of({});
    const auto found = found_in(graph);
    REQUIRE(found);
    CHECK_EQ(found->planes, graph.inputs[0].value);
    CHECK_EQ(found->movement, std::vector<std::uint32_t>{0, 1});
    CHECK_EQ(found->window.pads_begin, Ints{1, 3});
    CHECK_EQ(found->window.pads_end, Ints{2, 2});
    CHECK_EQ(found->window.strides, Ints{2, 1});
    const auto group = graph::planar_convolution_of(graph, {0, 4});
    REQUIRE(group);
    CHECK_EQ(group->conv, 2);
    CHECK_EQ(group->window.pads_end, found->window.pads_end);
    CHECK_FALSE(graph::planar_convolution_of(graph, {1, 4}));  // rows from outside of the group
    CHECK_FALSE(graph::planar_convolution_of(graph, {2, 4}));
    CHECK_FALSE(graph::planar_convolution_of(graph, {0, 2}));
}

TEST_CASE("the zeros may stand on either side of the transpose, or on both") {
    const auto before = found_in(graph_of({.before = {}, .planes_before = {0, 0, 4, 5}}));
    REQUIRE(before);
    CHECK_EQ(before->window.pads_begin, Ints{4, 6});
    const auto both = found_in(graph_of({.before = {0, 1, 2, 0}, .planes_before = {0, 0, 4, 5}}));
    REQUIRE(both);
    CHECK_EQ(both->movement, std::vector<std::uint32_t>{0, 1, 2});
    CHECK_EQ(both->window.pads_end, Ints{6, 7});
}

TEST_CASE("anything else before a convolution stays where it is") {
    CHECK_FALSE(found_in(graph_of({.channels = 5})));
    CHECK_FALSE(found_in(graph_of({.perm = {0, 3, 2, 1}})));
    CHECK_FALSE(found_in(graph_of({.before = {0, 1, 1, 1}})));
    CHECK_FALSE(found_in(graph_of({.before = {1, 1, 1, 0}})));
    CHECK_FALSE(found_in(graph_of({.planes_before = {0, 1, 1, 1}})));
    CHECK_FALSE(found_in(graph_of({.value = 1})));
    CHECK_FALSE(found_in(graph_of({.read_twice = true})));
    CHECK_FALSE(found_in(graph_of({.returned = true})));
    CHECK_FALSE(found_in(graph_of({.before = {}, .own_weights = true})));
}
