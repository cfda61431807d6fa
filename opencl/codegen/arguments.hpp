// A kernel's arguments while its text is written: each gets a name and a place in the signature.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "opencl/codegen/trace.hpp"

namespace shoal::opencl {

/// What a kernel argument is bound to.
struct BufferArgument {
    ValueId value;
    bool written;
    bool operator==(const BufferArgument&) const = default;
};
struct NumberArgument {
    std::int64_t value;  ///< passed as int
    bool operator==(const NumberArgument&) const = default;
};
struct ScalarArgument {
    ValueId value;  ///< a constant of one element, passed in its compute type
    ElementType element;
    bool operator==(const ScalarArgument&) const = default;
};
using Argument = std::variant<BufferArgument, NumberArgument, ScalarArgument>;

/// Collects a kernel's arguments; equal buffers share one, every number has its own so that the text holds for all
/// shapes. Throws unsupported for numbers that do not fit 32 bits.
class Arguments {
public:
    /// The name under which the kernel's text uses it.
    std::string buffer(const Graph& graph, ValueId value, bool written);
    std::string number(std::int64_t value);
    std::string scalar(ValueId value, ElementType element);
    /// "__global const float* restrict b0, int n0"
    [[nodiscard]] std::string parameters() const;
    /// ", b0, n0"
    [[nodiscard]] const std::string& names() const { return names_; }
    std::vector<Argument> take() { return std::move(list_); }

private:
    std::map<ValueId, std::string> buffers_, scalars_;
    int numbers_ = 0;
    std::string parameters_, names_;
    std::vector<Argument> list_;
};

}  // namespace shoal::opencl
