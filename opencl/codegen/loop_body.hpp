// The inside of a loop as OpenCL C: the nodes of a trace as statements, for single elements or for lanes of a vector.
// Names: v<node> for values, d<digit> for digits, x<symbol> for loaded indices, acc<pass> for what passes folded.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "opencl/codegen/arguments.hpp"
#include "opencl/codegen/dependence.hpp"
#include "opencl/codegen/trace.hpp"

namespace shoal::opencl {

/// Which digit the lanes of a vector run along, and how many there are.
struct Lanes {
    std::optional<Symbol> digit;
    int count = 1;
};

class LoopBody {
public:
    using Wanted = std::function<bool(int node)>;

    LoopBody(const Graph& graph, const Trace& trace, Arguments& arguments)
        : graph_(graph), trace_(trace), depends_(trace, trace.nest), arguments_(arguments) {}

    [[nodiscard]] const Dependence& depends() const { return depends_; }
    /// True when everything that depends on the digit can be computed on several lanes at once.
    [[nodiscard]] bool has_lanes_along(const Symbol& digit) const;
    /// Where along a digit everything is inside: the bounds that ask for nothing but `digit + offset in [0, extent)`
    /// hold in [first, last). Nothing when there are no such bounds.
    struct Inside {
        std::int64_t first, last;
    };
    [[nodiscard]] std::optional<Inside> inside_along(const Symbol& digit) const;
    /// From now on those bounds are taken to hold, until they are let go again.
    void hold_inside(std::optional<Symbol> digit) { held_ = digit; }
    /// How well memory accesses follow a digit: neighbours count for it, strides against it.
    [[nodiscard]] int density_along(const Symbol& digit) const;
    /// Statements for `node` and what it needs that is not in `done` yet, restricted to what `wanted` accepts.
    void emit(int node, const Lanes& lanes, std::set<int>& done, std::string& out, const std::string& indent,
              const Wanted& wanted);
    /// The variable that holds it.
    [[nodiscard]] std::string name(int node) const;
    /// Lanes of a node: 1 where it is the same for all of them.
    [[nodiscard]] int lanes_of(int node, const Lanes& lanes) const;
    /// The value of a node as a vector, whatever it is.
    [[nodiscard]] std::string widened(int node, const Lanes& lanes) const;
    /// The statement that stores it.
    std::string store(const Store& target, const Lanes& lanes);
    /// Makes the arguments of every access before any text is printed, so that the vector and the scalar body share
    /// them.
    void declare_arguments();
    /// The same without those of the stores.
    void declare_inputs();
    /// An index as an expression over d<digit> and x<symbol>.
    [[nodiscard]] std::string position(const Index& index) const;

private:
    [[nodiscard]] const Node& at(int node) const { return trace_.nodes[static_cast<std::size_t>(node)]; }
    // True for a bound that inside_along(digit) counts.
    static bool is_along(const Bound& bound, const Symbol& digit);
    [[nodiscard]] bool is_held(const Bound& bound) const { return held_ && is_along(bound, *held_); }
    // Loaded indices get keys apart from the digits'.
    static int key_of(const Symbol& symbol);
    void declare(const Index& index);
    std::string count_argument(const Node& node, double value);
    // True when a node differs from lane to lane of a digit.
    [[nodiscard]] bool varies(int node, const Symbol& digit) const;
    // The nodes that define the loaded indices which a node's addresses use.
    [[nodiscard]] std::vector<int> symbols_of(const Node& node) const;
    [[nodiscard]] bool node_has_lanes(const Node& node, const Symbol& digit) const;
    [[nodiscard]] bool through_symbols(const Index& index, const Symbol& digit) const;
    std::string statement(int node, const Lanes& lanes);
    // A number that is the same on all lanes, as lanes if need be.
    std::string argument(int node, const Lanes& lanes, int count) const;
    std::string expression(int node, const Lanes& lanes, int count);
    std::string condition(const Node& node) const;
    std::string guarded(const Node& node, const std::string& value, int count) const;
    std::string loaded(const Node& node, const Lanes& lanes, int count) const;
    // start + step * position.
    std::string counted(int node, const Lanes& lanes, int count) const;

    const Graph& graph_;
    const Trace& trace_;
    Dependence depends_;
    Arguments& arguments_;
    std::optional<Symbol> held_;
    std::map<ValueId, std::string> pointers_;
    std::map<std::pair<Index, int>, std::string> strides_;
    std::map<Index, std::string> offsets_;
    std::map<int, std::string> extents_;
    std::map<int, std::pair<std::string, std::string>> scalars_;
    std::map<std::pair<Index, std::int64_t>, std::string> bounds_;
};

}  // namespace shoal::opencl
