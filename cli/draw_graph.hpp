// A graph as a drawing: a box a kernel, what it computes written in it, and lines for the values between them, from top
// to bottom. SVG, made without any other program.
#pragma once

#include <filesystem>
#include <string>

#include "graph/graph.hpp"

namespace shoal::cli {

[[nodiscard]] std::string drawing_of(const graph::Graph& graph);

/// Throws not_found or io.
void write_drawing(const graph::Graph& graph, const std::filesystem::path& file);

}  // namespace shoal::cli
