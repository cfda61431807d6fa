// Where the boxes of a drawing go so that every line runs downwards, lines cross little and go straight where they can:
// the layered method of Sugiyama, Tagawa and Toda ("Methods for visual understanding of hierarchical system
// structures", 1981), with barycentres for the order and least squares for the positions.
#pragma once

#include <cstddef>
#include <vector>

namespace shoal::cli {

struct Box {
    double width = 0, height = 0;
};

/// A line from one box down to another: `from` is less than `to`.
struct Line {
    std::size_t from = 0, to = 0;
};

struct Point {
    double x = 0, y = 0;
};

struct LayeredLayout {
    std::vector<Point> centres;              ///< of each box
    std::vector<std::vector<Point>> routes;  ///< of each line, from the lower edge of a box to the upper of another
    double width = 0, height = 0;
};

[[nodiscard]] LayeredLayout lay_out(const std::vector<Box>& boxes, const std::vector<Line>& lines);

}  // namespace shoal::cli
