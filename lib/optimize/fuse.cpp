#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "graph/attention.hpp"
#include "graph/cards.hpp"
#include "graph/planar_convolution.hpp"
#include "graph/scalar_function.hpp"
#include "optimize/optimize.hpp"

namespace shoal::optimize {
namespace {

namespace cards = graph::cards;
using graph::Ints;
using graph::kNoValue;
using graph::Op;
using graph::Shape;
using graph::ValueId;

// Bounds on one kernel: its text stays readable for the compiler, its arguments within every driver's limits.
constexpr std::size_t kMostOps = 64;
constexpr std::size_t kMostInputs = 24;

bool is_inlinable(const Op& op) {
    return op.is(cards::map) || op.is(cards::cast) || op.is(cards::gather) || op.is(cards::iota) ||
           (op.card->movement && !op.is(cards::concat));
}
bool is_loop(const Op& op) {
    return is_inlinable(op) || op.is(cards::reduce) || op.is(cards::concat);
}
bool takes_epilogue(const Op& op) {
    return op.is(cards::conv) || op.is(cards::matmul) || op.is(cards::pool);
}

Ints without_ones(const Shape& shape) {
    Ints out;
    for (const auto extent : shape) {
        if (extent != 1) out.push_back(extent);
    }
    return out;
}

// What a reduction runs over: its input's shape and which axes fold, axes of extent 1 left out.
struct RowDomain {
    Ints full;
    std::vector<bool> folded;
    bool operator==(const RowDomain&) const = default;

    [[nodiscard]] Ints reduced() const {
        Ints out;
        for (std::size_t k = 0; k < full.size(); ++k) {
            if (!folded[k]) out.push_back(full[k]);
        }
        return out;
    }
};

class Fuser {
public:
    explicit Fuser(const Graph& old) : graph_(old) {
        duplicate_movement();
        readers_ = graph::readers(graph_);
        returned_.assign(graph_.values.size(), false);
        for (const auto& port : graph_.outputs)
            returned_[port.value] = true;
        maker_.assign(graph_.values.size(), kNone);
        for (std::uint32_t i = 0; i < graph_.ops.size(); ++i) {
            for (const auto id : graph_.ops[i].outputs)
                maker_[id] = i;
            group_of_.push_back(i);
            members_.push_back({i});
        }
    }

    Graph run() {
        for (std::uint32_t i = 0; i < graph_.ops.size(); ++i)
            join_attention(i);
        for (std::uint32_t i = static_cast<std::uint32_t>(graph_.ops.size()); i-- > 0;) {
            if (takes_epilogue(graph_.ops[i]) && members_[group_of_[i]].size() == 1) take_epilogue(i);
        }
        for (std::uint32_t i = 0; i < graph_.ops.size(); ++i)
            join_planes(i);
        // Reductions first claim what lies between them; then producers join their only reader, last ones first.
        for (std::uint32_t i = 0; i < graph_.ops.size(); ++i)
            join_rows(i);
        for (std::uint32_t i = static_cast<std::uint32_t>(graph_.ops.size()); i-- > 0;)
            join_reader(i);
        return ordered();
    }

private:
    static constexpr std::uint32_t kNone = ~std::uint32_t{0};

    // Movement with several loop-like readers is done again by each of them: index arithmetic costs less than memory.
    void duplicate_movement() {
        struct Use {
            std::size_t op, input;
        };
        std::vector<Op> ops = std::move(graph_.ops);  // copies follow the originals
        const std::size_t originals = ops.size();
        std::vector<std::vector<Use>> uses(graph_.values.size());
        const auto enter = [&](std::size_t i) {
            for (std::size_t k = 0; k < ops[i].inputs.size(); ++k)
                if (ops[i].inputs[k] != kNoValue) uses[ops[i].inputs[k]].push_back({i, k});
        };
        for (std::size_t i = 0; i < originals; ++i)
            enter(i);
        std::vector<bool> returned(graph_.values.size());
        for (const auto& port : graph_.outputs)
            returned[port.value] = true;
        std::vector<std::vector<std::size_t>> copies(originals);  // of each original
        for (std::size_t i = originals; i-- > 0;) {
            const Op op = ops[i];
            const bool cheap = (op.card->movement && !op.is(cards::concat)) || op.is(cards::iota);
            if (!cheap || returned[op.outputs[0]]) continue;
            const auto& own = uses[op.outputs[0]];
            if (own.size() < 2 ||
                !std::all_of(own.begin(), own.end(), [&](const Use& use) { return is_loop(ops[use.op]); }))
                continue;
            std::map<std::size_t, ValueId> made;  // one a reader
            for (const Use& use : own) {
                auto [at, fresh] = made.try_emplace(use.op, op.outputs[0]);
                if (fresh && made.size() > 1) {
                    graph_.values.push_back(graph_.value(op.outputs[0]));
                    at->second = static_cast<ValueId>(graph_.values.size() - 1);
                    copies[i].push_back(ops.size());
                    ops.push_back(op);
                    ops.back().outputs[0] = at->second;
                }
                ops[use.op].inputs[use.input] = at->second;
            }
            for (const auto copy : copies[i])
                enter(copy);
        }
        graph_.ops.clear();
        for (std::size_t i = 0; i < originals; ++i) {
            graph_.ops.push_back(std::move(ops[i]));
            for (const auto copy : copies[i])
                graph_.ops.push_back(std::move(ops[copy]));
        }
    }

    [[nodiscard]] const Shape& shape(ValueId id) const { return graph_.type(id).shape; }

    // --- contractions ---

    // Lets what leads to the product of operator i be one kernel with it, when that is an attention.
    void join_attention(std::uint32_t i) {
        const auto found = graph::attention_before(graph_, i, readers_, maker_);
        if (!found || found->members.size() > kMostOps) return;
        const bool free = std::all_of(found->members.begin(), found->members.end(),
                                      [&](auto m) { return members_[group_of_[m]].size() == 1; });
        if (!free) return;
        for (const auto m : found->members)
            if (m != found->scores) unite(group_of_[found->scores], group_of_[m]);
    }

    // A contraction takes what follows it, stretch by stretch: operators between one value and the next through which
    // everything passes, such as x * sigmoid(x).
    void take_epilogue(std::uint32_t i) {
        ValueId value = graph_.ops[i].outputs[0];
        for (;;) {
            const auto stretch = next_stretch(group_of_[i], value);
            if (stretch.empty()) return;
            value = graph_.ops[stretch.back()].outputs[0];
            for (const auto r : stretch)
                unite(group_of_[i], group_of_[r]);
        }
    }

    // Lets what turns the planes before convolution i into rows be one kernel with it. Nothing else reads what that makes,
    // so this cannot make a circle. What only it reads of an element-wise operator is moved by that one's kernel.
    void join_planes(std::uint32_t i) {
        const auto found = graph::planar_convolution_at(graph_, i, readers_, maker_);
        if (!found || members_[group_of_[i]].size() + found->movement.size() > kMostOps) return;
        const auto maker = maker_[found->planes];
        const bool joins = maker != kNone && is_loop(graph_.ops[maker]) && !graph_.ops[maker].is(cards::reshape) &&
                           readers_[found->planes].size() == 1 && !returned_[found->planes];
        if (joins) return;
        for (const auto m : found->movement)
            unite(group_of_[i], group_of_[m]);
    }

    // The fewest operators behind `value` that leave one value again; none when they do not fit behind `group`.
    [[nodiscard]] std::vector<std::uint32_t> next_stretch(std::uint32_t group, ValueId value) const {
        std::vector<std::uint32_t> stretch;
        std::vector<ValueId> made{value};
        std::vector<std::uint32_t> together{group};
        const auto is_outside = [&](std::uint32_t r) {
            return std::find(stretch.begin(), stretch.end(), r) == stretch.end();
        };
        const auto leaves = [&](ValueId id) {
            return returned_[id] || std::any_of(readers_[id].begin(), readers_[id].end(), is_outside);
        };
        while (members_[group].size() + stretch.size() < kMostOps) {
            const auto leaving = std::count_if(made.begin(), made.end(), leaves);
            if (!stretch.empty() && leaving == 1 && leaves(made.back()))
                return makes_cycle(together) ? std::vector<std::uint32_t>{} : stretch;
            std::set<std::uint32_t> next;
            for (const auto id : made)
                std::copy_if(readers_[id].begin(), readers_[id].end(), std::inserter(next, next.end()), is_outside);
            if (next.empty()) return {};
            const std::uint32_t r = *next.begin();
            const bool alone = next.size() == 1 && stretch.empty();
            const Op& op = graph_.ops[r];
            if (members_[group_of_[r]].size() != 1 || !fits_epilogue(op, made, alone)) return {};
            stretch.push_back(r);
            together.push_back(group_of_[r]);
            made.push_back(op.outputs[0]);
        }
        return {};
    }

    // `made`: what the kernel has computed before; `alone`: everything passes through this operator.
    [[nodiscard]] bool fits_epilogue(const Op& op, const std::vector<ValueId>& made, bool alone) const {
        const Shape& own = shape(made[0]);
        if (op.is(cards::cast)) return true;
        if (op.is(cards::reshape))
            return alone && shape(op.outputs[0]).rank() > 0 && shape(op.outputs[0]).back() == own.back();
        if (!op.is(cards::map) || shape(op.outputs[0]) != own) return false;
        return std::all_of(op.inputs.begin(), op.inputs.end(), [&](ValueId id) {
            const Shape& other = shape(id);
            return other == own || other.count() == 1 || (other.count() == other.back() && other.back() == own.back());
        });
    }

    // --- rows ---

    [[nodiscard]] RowDomain domain_of(const Op& reduce) const {
        const Shape& full = shape(reduce.inputs[0]);
        const auto& axes = reduce.attrs.ints("axes");
        RowDomain out;
        for (int k = 0; k < full.rank(); ++k) {
            if (full[k] == 1) continue;
            out.full.push_back(full[k]);
            out.folded.push_back(std::find(axes.begin(), axes.end(), k) != axes.end());
        }
        return out;
    }

    // The domain of a group that reduces; nothing for one that does not.
    [[nodiscard]] std::optional<RowDomain> rows_of(std::uint32_t group) const {
        for (const auto i : members_[group]) {
            if (graph_.ops[i].is(cards::reduce)) return domain_of(graph_.ops[i]);
        }
        return std::nullopt;
    }

    // Lets operator i join a reduction whose result it reads, when it works on the same rows.
    void join_rows(std::uint32_t i) {
        const Op& op = graph_.ops[i];
        if (!op.is(cards::map) && !op.is(cards::cast) && !op.is(cards::reduce) && !op.is(cards::reshape) &&
            !op.is(cards::expand))
            return;
        for (const auto id : op.inputs) {
            if (id == kNoValue || maker_[id] == kNone) continue;
            const std::uint32_t from = group_of_[maker_[id]], to = group_of_[i];
            const auto rows = rows_of(from), own = rows_of(to);
            if (from == to || !rows || (own && *own != *rows) || !works_on(op, *rows) || !may_unite(from, to)) continue;
            unite(from, to);
        }
    }

    [[nodiscard]] bool works_on(const Op& op, const RowDomain& rows) const {
        if (op.is(cards::reduce)) return domain_of(op) == rows;
        const Ints made = without_ones(shape(op.outputs[0]));
        return made == rows.full || made == rows.reduced();
    }

    // --- element-wise ---

    // Lets the operators of i's group move into the one group that reads them.
    void join_reader(std::uint32_t i) {
        const std::uint32_t own = group_of_[i];
        if (!std::all_of(members_[own].begin(), members_[own].end(),
                         [&](auto m) { return is_inlinable(graph_.ops[m]); }))
            return;
        std::uint32_t reader = kNone;
        for (const auto m : members_[own]) {
            const ValueId made = graph_.ops[m].outputs[0];
            if (returned_[made]) return;
            for (const auto r : readers_[made]) {
                if (group_of_[r] == own) continue;
                if (reader != kNone && reader != group_of_[r]) return;
                reader = group_of_[r];
                if (!is_loop(graph_.ops[r]) || rereads(graph_.ops[r], made)) return;
            }
        }
        if (reader != kNone && all_loops(reader) && may_unite(own, reader)) unite(own, reader);
    }
    [[nodiscard]] bool all_loops(std::uint32_t group) const {
        return std::all_of(members_[group].begin(), members_[group].end(),
                           [&](auto m) { return is_loop(graph_.ops[m]); });
    }

    // True when `reader`'s group would compute elements of `value` many times over and that is not free.
    [[nodiscard]] bool rereads(const Op& reader, ValueId value) const {
        if (!costs_arithmetic(group_of_[maker_[value]])) return false;
        std::map<ValueId, double> known;
        return reads_through(reader, value, known) > 2;
    }
    // How often an element of `value` is asked for by way of `reader` and what it is read by inside of its group.
    [[nodiscard]] double reads_through(const Op& reader, ValueId value, std::map<ValueId, double>& known) const {
        const bool grows =
            reader.is(cards::map) || reader.is(cards::expand) || reader.is(cards::gather) || reader.is(cards::pad);
        const auto own = static_cast<double>(std::max<std::int64_t>(shape(value).count(), 1));
        const ValueId made = reader.outputs[0];
        const auto [at, fresh] = known.try_emplace(made, 1);
        if (fresh) {
            for (const auto r : readers_[made]) {
                if (group_of_[r] == group_of_[maker_[made]])
                    at->second = std::max(at->second, reads_through(graph_.ops[r], made, known));
            }
        }
        return (grows ? static_cast<double>(shape(made).count()) / own : 1) * at->second;
    }
    [[nodiscard]] bool costs_arithmetic(std::uint32_t group) const {
        return std::any_of(members_[group].begin(), members_[group].end(),
                           [&](auto m) { return graph_.ops[m].is(cards::map); });
    }

    // --- groups ---

    [[nodiscard]] bool may_unite(std::uint32_t first, std::uint32_t second) const {
        if (!all_loops(first) || !all_loops(second)) return false;
        if (members_[first].size() + members_[second].size() > kMostOps) return false;
        std::set<ValueId> inputs;
        for (const auto group : {first, second}) {
            for (const auto m : members_[group]) {
                for (const auto id : graph_.ops[m].inputs) {
                    if (id == kNoValue) continue;
                    const bool inside =
                        maker_[id] != kNone && (group_of_[maker_[id]] == first || group_of_[maker_[id]] == second);
                    if (!inside) inputs.insert(id);
                }
            }
        }
        return inputs.size() <= kMostInputs && !makes_cycle({first, second});
    }

    // True when something outside of these groups reads one of them and feeds one of them, directly or not.
    [[nodiscard]] bool makes_cycle(const std::vector<std::uint32_t>& together) const {
        const std::set<std::uint32_t> inside(together.begin(), together.end());
        std::vector<std::uint32_t> open(together);
        std::set<std::uint32_t> seen(inside);
        while (!open.empty()) {
            const std::uint32_t group = open.back();
            open.pop_back();
            for (const auto m : members_[group]) {
                for (const auto id : graph_.ops[m].outputs) {
                    for (const auto r : readers_[id]) {
                        if (inside.count(group_of_[r]) != 0 && inside.count(group) == 0) return true;
                        if (seen.insert(group_of_[r]).second) open.push_back(group_of_[r]);
                    }
                }
            }
        }
        return false;
    }

    void unite(std::uint32_t into, std::uint32_t from) {
        for (const auto m : members_[from])
            group_of_[m] = into;
        members_[into].insert(members_[into].end(), members_[from].begin(), members_[from].end());
        std::sort(members_[into].begin(), members_[into].end());
        members_[from].clear();
    }

    // Groups in an order in which they can run, the ones whose first operator comes first going first.
    Graph ordered() {
        std::vector<std::size_t> waits(members_.size(), 0);
        std::vector<std::set<std::uint32_t>> next(members_.size());
        for (std::uint32_t i = 0; i < graph_.ops.size(); ++i) {
            for (const auto id : graph_.ops[i].inputs) {
                if (id == kNoValue || maker_[id] == kNone) continue;
                const std::uint32_t from = group_of_[maker_[id]], to = group_of_[i];
                if (from != to && next[from].insert(to).second) ++waits[to];
            }
        }
        std::set<std::pair<std::uint32_t, std::uint32_t>> ready;  // (first operator, group)
        for (std::uint32_t g = 0; g < members_.size(); ++g) {
            if (!members_[g].empty() && waits[g] == 0) ready.emplace(members_[g].back(), g);
        }
        std::vector<Op> ops;
        for (std::uint32_t number = 0; !ready.empty(); ++number) {
            const std::uint32_t group = ready.begin()->second;
            ready.erase(ready.begin());
            for (const auto m : members_[group]) {
                ops.push_back(graph_.ops[m]);
                ops.back().group = number;
            }
            for (const auto to : next[group]) {
                if (--waits[to] == 0) ready.emplace(members_[to].back(), to);
            }
        }
        base::ensure(ops.size() == graph_.ops.size(), "fusing made a circle of kernels");
        graph_.ops = std::move(ops);
        graph::unique_names(graph_);
        return std::move(graph_);
    }

    Graph graph_;
    std::vector<std::vector<std::uint32_t>> readers_;
    std::vector<bool> returned_;
    std::vector<std::uint32_t> maker_;     // of each value the operator, kNone for inputs and constants
    std::vector<std::uint32_t> group_of_;  // of each operator
    std::vector<std::vector<std::uint32_t>> members_;
};

}  // namespace

Graph fuse(const Graph& graph) {
    return Fuser(graph).run();
}

}  // namespace shoal::optimize
