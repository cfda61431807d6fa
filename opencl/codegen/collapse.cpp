#include "opencl/codegen/collapse.hpp"

namespace shoal::opencl {
namespace {

template <class Visit>
void for_each_index(Trace& trace, Visit&& visit) {
    for (Node& node : trace.nodes) {
        visit(node.at);
        for (Bound& bound : node.bounds)
            visit(bound.index);
    }
    for (Store& store : trace.stores)
        visit(store.at);
}

void join(Trace& trace, std::vector<std::int64_t>& digits, std::size_t k, const Symbol& high, const Symbol& low) {
    const Symbol joined{Symbol::Kind::digit, high.number, high.extent * low.extent};
    for_each_index(trace, [&](Index& index) {
        Index out(index.offset());
        for (const auto& [symbol, factor] : index.terms()) {
            if (symbol == high) continue;
            Symbol kept = symbol == low ? joined : symbol;
            if (kept.kind == Symbol::Kind::digit && kept.number > low.number) --kept.number;
            out += Index(kept) * factor;
        }
        index = std::move(out);
    });
    digits[k - 1] *= digits[k];
    digits.erase(digits.begin() + static_cast<std::ptrdiff_t>(k));
}

}  // namespace

void collapse(Trace& trace) {
    for (auto* digits : {&trace.nest.folded, &trace.nest.outer}) {
        for (std::size_t k = digits->size(); k-- > 1;) {
            const std::size_t base = digits == &trace.nest.outer ? 0 : trace.nest.outer.size();
            const Symbol high = trace.nest.digit(base + k - 1), low = trace.nest.digit(base + k);
            bool joint = true;
            for_each_index(trace, [&](Index& index) {
                joint = joint && index.coefficient(high) == index.coefficient(low) * low.extent;
            });
            if (joint) join(trace, *digits, k, high, low);
        }
    }
}

}  // namespace shoal::opencl
