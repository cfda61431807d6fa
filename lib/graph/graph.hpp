// The one graph language: a typed SSA graph over the core operators, every shape a number.
//
// Importers bind a model's symbolic sizes before they make a graph, so whoever comes after them (optimiser, planner,
// code generator, memory planner) works with plain sizes. Values are numbered; operators stand in an order in which
// they can run; consecutive operators of equal `group` run as one kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "graph/card.hpp"

namespace shoal::graph {

using ValueId = std::uint32_t;
inline constexpr ValueId kNoValue = ~ValueId{0};  ///< an optional input that is left out

/// A constant's bytes, or only their address while they are elsewhere (a hub plans without holding weights in memory).
struct Constant {
    base::SharedBytes bytes;               ///< empty while unbound
    std::optional<base::Digest> digest{};  ///< content hash; filled in when the graph is addressed or sent

    [[nodiscard]] bool bound(const Type& type) const noexcept { return bytes.size() == type.size_bytes(); }
};

struct Value {
    std::string name;
    Type type;
    std::optional<Constant> constant{};
};

struct Op {
    const Card* card = nullptr;
    std::string name;  ///< the model's own name of the operator it came from, for people
    Attrs attrs{};
    std::vector<ValueId> inputs{};
    std::vector<ValueId> outputs{};
    std::uint32_t group = 0;  ///< never falls along the order; equal numbers are one fused kernel

    [[nodiscard]] bool is(const Card& wanted) const noexcept { return card == &wanted; }
};

/// A named end of the graph.
struct Port {
    std::string name;
    ValueId value = kNoValue;
};

struct Graph {
    std::string name;
    std::vector<Value> values;
    std::vector<Op> ops;
    std::vector<Port> inputs;
    std::vector<Port> outputs;

    [[nodiscard]] const Value& value(ValueId id) const { return values.at(id); }
    [[nodiscard]] const Type& type(ValueId id) const { return values.at(id).type; }
    [[nodiscard]] bool is_constant(ValueId id) const { return values.at(id).constant.has_value(); }
    /// The constant as a tensor; throws internal when the value is none or its bytes are not here.
    [[nodiscard]] Tensor constant(ValueId id) const;
};

[[nodiscard]] Signature signature(const Graph& graph, const Op& op);
[[nodiscard]] Cost cost(const Graph& graph, const Op& op);

/// For every value the operators (indices) that read it.
[[nodiscard]] std::vector<std::vector<std::uint32_t>> readers(const Graph& graph);

/// A range [first, last) of operators that run as one kernel.
struct GroupRange {
    std::uint32_t first, last;
};
[[nodiscard]] std::vector<GroupRange> groups(const Graph& graph);

/// Bytes of all constants that operators read.
[[nodiscard]] std::uint64_t constant_bytes(const Graph& graph);

/// Throws invalid_model naming the operator and both sides unless the graph is sound: cards' arity and attributes hold,
/// inferred types equal the declared ones, every value is defined before it is read and only once, groups never fall.
/// A graph that came from outside is validated before anything else looks at it.
void validate(const Graph& graph);

/// One operator a line with types, for people and for comparing graphs in tests.
[[nodiscard]] std::string to_string(const Graph& graph);

/// Removes operators whose results nobody needs and values nobody names; renumbers, keeps order and groups.
[[nodiscard]] Graph without_dead(const Graph& graph);

/// Operators [first, last) as a graph of their own: its inputs are the values it reads from outside, its outputs those
/// that operators behind `last` or the graph's own outputs need. Ports are named after the values' names, which must be
/// unique (see unique_names).
[[nodiscard]] Graph extract(const Graph& graph, std::uint32_t first, std::uint32_t last);

/// Makes every value's name non-empty and unique, so that ports can be named after values.
void unique_names(Graph& graph);

}  // namespace shoal::graph
