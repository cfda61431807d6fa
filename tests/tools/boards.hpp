// A graph cut over several boards of this process: what a pipeline does, without hub and sockets.
#pragma once

#include "tools/cases.hpp"

namespace shoal::tools {

/// Runs `graph` unsplit on the first device and then once more cut into as many stages as there are devices, at places
/// that give every stage about the same work; what crosses a cut is handed over in host memory. Returns the outputs.
/// Throws Code::internal naming the first value whose bytes differ.
[[nodiscard]] std::vector<Tensor> run_split(const graph::Graph& graph, const std::vector<Tensor>& arguments,
                                            const std::vector<Device>& boards);

}  // namespace shoal::tools
