#include "opencl/codegen/print_row_groups.hpp"
#include "opencl/emit/emitter.hpp"

namespace shoal::opencl {

std::optional<GroupCode> emit_loops(Emitter& emitter, graph::GroupRange range, const std::vector<ValueId>& outputs) {
    const auto traces = trace_loops(emitter.graph(), range, outputs,
                                    [&](ValueId part) { return emitter.is_stored_in_concatenation(part); });
    if (!traces) return std::nullopt;
    GroupCode out{range, {}, {}, outputs, "loops"};
    for (const Trace& trace : *traces) {
        const Dialect& dialect = emitter.style().dialect;
        auto shared = print_row_groups(emitter.graph(), trace, dialect);
        const GeneratedKernel kernel = shared ? std::move(*shared) : print_loops(emitter.graph(), trace, dialect);
        emitter.add_text(kernel.name, kernel.text);
        std::vector<LaunchArgument> arguments;
        for (const Argument& argument : kernel.arguments)
            arguments.push_back(launch_argument(argument));
        Launch launch = flat_launch(emitter.style(), kernel.name, std::move(arguments), kernel.items);
        if (kernel.group != 0) {  // items are whole groups already
            launch.global[0] = static_cast<std::size_t>(kernel.items);
            launch.local[0] = static_cast<std::size_t>(kernel.group);
        }
        out.launches.push_back(std::move(launch));
    }
    return out;
}

}  // namespace shoal::opencl
