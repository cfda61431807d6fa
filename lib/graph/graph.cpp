#include "graph/graph.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace shoal::graph {

Tensor Graph::constant(ValueId id) const {
    const Value& value = values.at(id);
    base::ensure(value.constant && value.constant->bound(value.type), "the bytes of constant '", value.name,
                 "' are not here");
    return {value.type, value.constant->bytes};
}

Signature signature(const Graph& graph, const Op& op) {
    Signature out{op.attrs, {}, {}};
    for (const auto id : op.inputs)
        out.inputs.push_back(id == kNoValue ? nullptr : &graph.type(id));
    for (const auto id : op.outputs)
        out.outputs.push_back(&graph.type(id));
    return out;
}

Cost cost(const Graph& graph, const Op& op) {
    return cost(*op.card, signature(graph, op));
}

std::vector<std::vector<std::uint32_t>> readers(const Graph& graph) {
    std::vector<std::vector<std::uint32_t>> out(graph.values.size());
    for (std::uint32_t i = 0; i < graph.ops.size(); ++i) {
        for (const auto id : graph.ops[i].inputs) {
            if (id != kNoValue && (out[id].empty() || out[id].back() != i)) out[id].push_back(i);
        }
    }
    return out;
}

std::vector<GroupRange> groups(const Graph& graph) {
    std::vector<GroupRange> out;
    for (std::uint32_t i = 0; i < graph.ops.size(); ++i) {
        if (i == 0 || graph.ops[i].group != graph.ops[i - 1].group) out.push_back({i, i});
        out.back().last = i + 1;
    }
    return out;
}

std::uint64_t constant_bytes(const Graph& graph) {
    std::vector<bool> seen(graph.values.size(), false);
    std::uint64_t total = 0;
    for (const Op& op : graph.ops) {
        for (const auto id : op.inputs) {
            if (id == kNoValue || seen[id] || !graph.is_constant(id)) continue;
            seen[id] = true;
            total += graph.type(id).size_bytes();
        }
    }
    return total;
}

std::string to_string(const Graph& graph) {
    auto out = base::plain_output();
    const auto named = [&](ValueId id) {
        return id == kNoValue ? std::string("-")
                              : base::text('%', id, graph.is_constant(id) ? "c" : "", ' ', graph.type(id));
    };
    for (const auto& port : graph.inputs)
        out << "input " << port.name << ' ' << named(port.value) << '\n';
    for (const Op& op : graph.ops) {
        out << "  [" << op.group << "] ";
        for (std::size_t i = 0; i < op.outputs.size(); ++i)
            out << (i ? ", " : "") << named(op.outputs[i]);
        out << " = " << op.card->name << '(';
        for (std::size_t i = 0; i < op.inputs.size(); ++i)
            out << (i ? ", " : "") << named(op.inputs[i]);
        out << ") {" << to_string(op.attrs) << "}\n";
    }
    for (const auto& port : graph.outputs)
        out << "output " << port.name << ' ' << named(port.value) << '\n';
    return out.str();
}

namespace {

// Copies chosen operators of `from` into a new graph, with the values they touch.
class Copier {
public:
    explicit Copier(const Graph& from) : from_(from), map_(from.values.size(), kNoValue) { out_.name = from.name; }

    ValueId value(ValueId id) {
        if (id == kNoValue) return kNoValue;
        if (map_[id] == kNoValue) {
            map_[id] = static_cast<ValueId>(out_.values.size());
            out_.values.push_back(from_.values[id]);
        }
        return map_[id];
    }
    void op(const Op& op) {
        Op copy = op;
        for (auto& id : copy.inputs)
            id = value(id);
        for (auto& id : copy.outputs)
            id = value(id);
        out_.ops.push_back(std::move(copy));
    }
    void input(const Port& port) { out_.inputs.push_back({port.name, value(port.value)}); }
    void output(const Port& port) { out_.outputs.push_back({port.name, value(port.value)}); }
    Graph finish() { return std::move(out_); }

private:
    const Graph& from_;
    std::vector<ValueId> map_;
    Graph out_;
};

}  // namespace

Graph without_dead(const Graph& graph) {
    std::vector<bool> needed(graph.values.size(), false);
    for (const auto& port : graph.outputs)
        needed[port.value] = true;
    std::vector<bool> live(graph.ops.size(), false);
    for (std::size_t i = graph.ops.size(); i-- > 0;) {
        const Op& op = graph.ops[i];
        live[i] = std::any_of(op.outputs.begin(), op.outputs.end(), [&](ValueId id) { return needed[id]; });
        if (!live[i]) continue;
        for (const auto id : op.inputs) {
            if (id != kNoValue) needed[id] = true;
        }
    }
    Copier copier(graph);
    for (const auto& port : graph.inputs)
        copier.input(port);
    for (std::size_t i = 0; i < graph.ops.size(); ++i) {
        if (live[i]) copier.op(graph.ops[i]);
    }
    for (const auto& port : graph.outputs)
        copier.output(port);
    return copier.finish();
}

Graph extract(const Graph& graph, std::uint32_t first, std::uint32_t last) {
    base::ensure(first <= last && last <= graph.ops.size(), "extracting operators ", first, " to ", last, " of ",
                 graph.ops.size());
    std::vector<bool> made(graph.values.size(), false), read_later(graph.values.size(), false);
    for (std::uint32_t i = first; i < last; ++i) {
        for (const auto id : graph.ops[i].outputs)
            made[id] = true;
    }
    for (std::size_t i = last; i < graph.ops.size(); ++i) {
        for (const auto id : graph.ops[i].inputs) {
            if (id != kNoValue) read_later[id] = true;
        }
    }
    for (const auto& port : graph.outputs)
        read_later[port.value] = true;

    Copier copier(graph);
    std::unordered_set<ValueId> taken;
    for (std::uint32_t i = first; i < last; ++i) {
        for (const auto id : graph.ops[i].inputs) {
            if (id == kNoValue || made[id] || graph.is_constant(id) || !taken.insert(id).second) continue;
            copier.input({graph.value(id).name, id});
        }
    }
    for (std::uint32_t i = first; i < last; ++i)
        copier.op(graph.ops[i]);
    for (std::uint32_t i = first; i < last; ++i) {
        for (const auto id : graph.ops[i].outputs) {
            if (read_later[id]) copier.output({graph.value(id).name, id});
        }
    }
    return copier.finish();
}

void unique_names(Graph& graph) {
    std::unordered_map<std::string, int> seen;
    for (std::size_t id = 0; id < graph.values.size(); ++id) {
        auto& name = graph.values[id].name;
        if (name.empty()) name = "v" + std::to_string(id);
        std::string candidate = name;
        while (!seen.emplace(candidate, 0).second)
            candidate = name + "." + std::to_string(++seen[name]);
        name = candidate;
    }
}

}  // namespace shoal::graph
