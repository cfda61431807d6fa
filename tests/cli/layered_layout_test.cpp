#include "cli/layered_layout.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "cli/draw_graph.hpp"
#include "graph/builder.hpp"

using namespace shoal;
using namespace shoal::cli;

namespace {

bool overlap(const Box& a, const Point& at, const Box& b, const Point& there) {
    return std::abs(at.x - there.x) < (a.width + b.width) / 2 - 1e-6 &&
           std::abs(at.y - there.y) < (a.height + b.height) / 2 - 1e-6;
}

// A chain with branches of unlike length, side inputs and a long way round.
std::vector<Line> tangled(std::size_t boxes) {
    std::vector<Line> out;
    for (std::size_t i = 0; i + 1 < boxes; ++i) {
        if (i % 7 != 3) out.push_back({i, i + 1});
        if (i % 3 == 0 && i + 4 < boxes) out.push_back({i, i + 4});
        if (i % 5 == 0 && i + 11 < boxes) out.push_back({i, i + 11});
    }
    return out;
}

}  // namespace

TEST_CASE("boxes do not overlap, lines run down, everything lies inside") {
    for (const std::size_t count : {1, 2, 3, 13, 127}) {
        CAPTURE(count);
        std::vector<Box> boxes;
        for (std::size_t i = 0; i < count; ++i)
            boxes.push_back({30.0 + static_cast<double>(i * 37 % 90), 20.0 + static_cast<double>(i % 3) * 10});
        const auto lines = tangled(count);
        const auto layout = lay_out(boxes, lines);
        REQUIRE(layout.centres.size() == count);
        REQUIRE(layout.routes.size() == lines.size());
        for (std::size_t i = 0; i < count; ++i) {
            for (std::size_t j = 0; j < i; ++j)
                CHECK(!overlap(boxes[i], layout.centres[i], boxes[j], layout.centres[j]));
            CHECK(layout.centres[i].x - boxes[i].width / 2 >= 0);
            CHECK(layout.centres[i].x + boxes[i].width / 2 <= layout.width);
            CHECK(layout.centres[i].y + boxes[i].height / 2 <= layout.height);
        }
        for (std::size_t n = 0; n < lines.size(); ++n) {
            const auto& route = layout.routes[n];
            CHECK(route.front().x == doctest::Approx(layout.centres[lines[n].from].x));
            CHECK(route.back().x == doctest::Approx(layout.centres[lines[n].to].x));
            for (std::size_t k = 1; k < route.size(); ++k)
                CHECK(route[k].y >= route[k - 1].y);
        }
    }
}

TEST_CASE("a chain is drawn as a straight line") {
    const auto layout = lay_out({{40, 20}, {100, 30}, {60, 20}}, {{0, 1}, {1, 2}});
    CHECK(layout.centres[0].x == doctest::Approx(layout.centres[1].x));
    CHECK(layout.centres[1].x == doctest::Approx(layout.centres[2].x));
}

TEST_CASE("no boxes make an empty drawing") {
    CHECK(lay_out({}, {}).centres.empty());
}

TEST_CASE("names in a drawing cannot become SVG") {
    graph::Builder builder("<script>");
    const auto x = builder.input("x<&\">", {tensor::ElementType::f32, {2}});
    builder.output("y\x01", builder.map("relu", {x}));
    const auto svg = drawing_of(builder.finish());
    CHECK(svg.find("<script>") == std::string::npos);
    CHECK(svg.find("x&lt;&amp;&quot;&gt;") != std::string::npos);
    CHECK(svg.find("relu") != std::string::npos);
    CHECK(svg.find('\x01') == std::string::npos);
    CHECK(svg.substr(svg.size() - 7) == "</svg>\n");
}
