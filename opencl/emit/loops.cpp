#include "opencl/emit/emitter.hpp"

namespace shoal::opencl {

std::optional<GroupCode> emit_loops(Emitter& emitter, graph::GroupRange range, const std::vector<ValueId>& outputs) {
    const auto traces = trace_loops(emitter.graph(), range, outputs);
    if (!traces) return std::nullopt;
    GroupCode out{range, {}, {}, outputs, "loops"};
    for (const Trace& trace : *traces) {
        GeneratedKernel kernel = print_loops(emitter.graph(), trace, emitter.style().dialect);
        emitter.add_text(kernel.name, kernel.text);
        std::vector<LaunchArgument> arguments;
        for (const Argument& argument : kernel.arguments)
            arguments.push_back(launch_argument(argument));
        out.launches.push_back(flat_launch(emitter.style(), kernel.name, std::move(arguments), kernel.items));
    }
    return out;
}

}  // namespace shoal::opencl
