#include "runtime/backend.hpp"

namespace shoal::runtime {

using base::Code;
using base::fail;

std::vector<Tensor> run_on_host_tensors(Backend& backend, Executable& executable, std::span<const Tensor> inputs,
                                        const RunOptions& options) {
    std::vector<BufferPtr> buffers;
    for (const Tensor& input : inputs)
        buffers.push_back(backend.upload(input, options));
    std::vector<Tensor> out;
    for (const BufferPtr& buffer : executable.run(buffers, options))
        out.push_back(buffer->read(options));
    return out;
}

void check_inputs(const Graph& graph, std::span<const BufferPtr> inputs) {
    if (inputs.size() != graph.inputs.size()) {
        fail(Code::invalid_argument, "graph '", graph.name, "' takes ", graph.inputs.size(), " inputs, got ",
             inputs.size());
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const auto& port = graph.inputs[i];
        if (inputs[i]->type() != graph.type(port.value)) {
            fail(Code::invalid_argument, "input '", port.name, "' is ", inputs[i]->type(), ", must be ",
                 graph.type(port.value));
        }
    }
}

void check_still_wanted(const RunOptions& options) {
    if (options.cancellation.cancelled()) fail(Code::cancelled, "the run was cancelled");
    if (options.deadline && base::SteadyClock::now() > *options.deadline)
        fail(Code::timeout, "the run's deadline passed");
}

}  // namespace shoal::runtime
