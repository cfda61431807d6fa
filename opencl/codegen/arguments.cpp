#include "opencl/codegen/arguments.hpp"

#include <limits>

#include "base/error.hpp"
#include "opencl/codegen/text.hpp"

namespace shoal::opencl {

using base::text;

std::string Arguments::buffer(const Graph& graph, ValueId value, bool written) {
    const auto [at, fresh] = buffers_.try_emplace(value, text('b', buffers_.size()));
    if (fresh) {
        parameters_ += text("__global ", written ? "" : "const ", storage_name(graph.type(value).element),
                            "* restrict ", at->second, ", ");
        names_ += text(", ", at->second);
        list_.push_back(BufferArgument{value, written});
    }
    return at->second;
}

std::string Arguments::number(std::int64_t value) {
    if (value > std::numeric_limits<std::int32_t>::max() || value < std::numeric_limits<std::int32_t>::min()) {
        base::fail(base::Code::unsupported, "a tensor of more than 2^31 - 1 elements (index ", value, ")");
    }
    const std::string name = text('n', numbers_++);
    parameters_ += text("int ", name, ", ");
    names_ += text(", ", name);
    list_.push_back(NumberArgument{value});
    return name;
}

std::string Arguments::scalar(ValueId value, ElementType element) {
    const auto [at, fresh] = scalars_.try_emplace(value, text('s', scalars_.size()));
    if (fresh) {
        parameters_ += text(type_name(compute_of(element), 1), ' ', at->second, ", ");
        names_ += text(", ", at->second);
        list_.push_back(ScalarArgument{value, element});
    }
    return at->second;
}

std::string Arguments::parameters() const {
    return parameters_.substr(0, parameters_.size() - (parameters_.empty() ? 0 : 2));
}

}  // namespace shoal::opencl
