// Which programs an executable is made of.
//
// Where the driver compiles as it goes, the kernels of a graph are one program: compiling one is cheaper than compiling
// many. Binaries made ahead of time must serve stages that were cut later, wherever the planner cut them. So there each
// kernel group is a program of its own: groups are what stages consist of, their text does not depend on what surrounds
// them, and sizes are arguments. Groups of equal text share a program.
#pragma once

#include <vector>

#include "opencl/emit/launch.hpp"
#include "opencl/open_device.hpp"

namespace shoal::opencl {

class ProgramSet {
public:
    /// The program of each group, or of each weight.
    [[nodiscard]] std::vector<cl_program> each() const;

private:
    friend ProgramSet build_apart(OpenDevice&, const std::vector<ProgramSource>&);
    friend ProgramSet build_one(OpenDevice&, const ProgramSource&, std::size_t);
    std::vector<BuiltProgram> programs_;
    std::vector<std::size_t> numbers_;  // into programs_
};

/// What clBuildProgram is given for kernels of a graph.
[[nodiscard]] std::string build_options(bool uses_f64);

/// The program of each group, and of the kernel that brings each weight into order, where programs are apart.
[[nodiscard]] std::vector<ProgramSource> run_sources(const Graph& graph, const Emission& emission);
[[nodiscard]] std::vector<ProgramSource> setup_sources(const Graph& graph, const Emission& emission);

/// Builds them, or the whole graph's program where they are not apart. Throws what ProgramBuilder::build throws.
[[nodiscard]] ProgramSet run_programs(OpenDevice& device, const Graph& graph, const Emission& emission);
[[nodiscard]] ProgramSet setup_programs(OpenDevice& device, const Graph& graph, const Emission& emission);

}  // namespace shoal::opencl
