#include "opencl/codegen/dependence.hpp"

#include <algorithm>

namespace shoal::opencl {

Dependence::Dependence(const Trace& trace, const Nest& nest) : digits_(trace.nodes.size()), nest_(nest) {
    std::vector<std::set<int>> symbols;
    for (std::size_t n = 0; n < trace.nodes.size(); ++n) {
        const Node& node = trace.nodes[n];
        for (const int arg : node.args)
            digits_[n].insert(digits_[static_cast<std::size_t>(arg)].begin(),
                              digits_[static_cast<std::size_t>(arg)].end());
        add(n, node.at);
        for (const Bound& bound : node.bounds)
            add(n, bound.index);
        if (node.kind == Node::Kind::index) {
            symbols_.resize(std::max(symbols_.size(), static_cast<std::size_t>(node.symbol) + 1));
            symbols_[static_cast<std::size_t>(node.symbol)] = digits_[n];
        }
    }
}

bool Dependence::on(int node, int digit) const {
    return digits_[static_cast<std::size_t>(node)].count(digit) != 0;
}

bool Dependence::on_folded(int node) const {
    const auto& own = digits_[static_cast<std::size_t>(node)];
    return !own.empty() && *own.rbegin() >= static_cast<int>(nest_.outer.size());
}

bool Dependence::symbol_on(int symbol, int digit) const {
    return symbols_[static_cast<std::size_t>(symbol)].count(digit) != 0;
}

void Dependence::add(std::size_t n, const Index& index) {
    for (const auto& [symbol, factor] : index.terms()) {
        if (symbol.kind == Symbol::Kind::digit)
            digits_[n].insert(symbol.number);
        else
            digits_[n].insert(symbols_[static_cast<std::size_t>(symbol.number)].begin(),
                              symbols_[static_cast<std::size_t>(symbol.number)].end());
    }
}

}  // namespace shoal::opencl
