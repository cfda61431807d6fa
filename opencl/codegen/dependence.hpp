// Which digits of the loops the nodes of a trace depend on, directly or through their arguments.
#pragma once

#include <set>
#include <vector>

#include "opencl/codegen/trace.hpp"

namespace shoal::opencl {

class Dependence {
public:
    Dependence(const Trace& trace, const Nest& nest);

    [[nodiscard]] bool on(int node, int digit) const;
    /// On some folded digit.
    [[nodiscard]] bool on_folded(int node) const;
    [[nodiscard]] bool symbol_on(int symbol, int digit) const;

private:
    void add(std::size_t n, const Index& index);

    std::vector<std::set<int>> digits_;   // by node
    std::vector<std::set<int>> symbols_;  // by loaded index
    const Nest& nest_;
};

}  // namespace shoal::opencl
