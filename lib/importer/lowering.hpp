// Model + bound sizes -> graphs of the core language.
//
// A graph is static, a model need not be: where an operator's result depends on a value that is only computed at run
// time (a branch's condition, a loop's end, the shape that Reshape reads, how many elements NonZero finds), lowering
// stops there. What came before is a segment, a graph like any other; once it has run, the wanted values are handed
// back and lowering goes on. A model without such operators is one segment.
//
//   Lowering lowering(model, bindings);
//   for (;;) {
//       Segment segment = lowering.advance();  // run it: inputs and outputs are named values
//       if (segment.last) break;
//       lowering.resolve(values named segment.wanted) -> further named values for the next segment
//   }
//
// A Lowering is a value: a copy made before resolve() can be resolved with other values, so that a session keeps what
// it lowered and compiled by key(). Not thread-safe; copies are independent of each other.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "graph/graph.hpp"
#include "importer/model.hpp"

namespace shoal::importer {

/// What a lowering must know beyond the file. Symbols that stand first in an input's shape (the batch) count as 1
/// unless they are bound; every other size must follow from here.
struct Bindings {
    std::map<std::string, std::int64_t> symbols{};
    /// An input's exact type, or its value, which then is a constant of the graph and no input any more.
    std::map<std::string, std::variant<tensor::Type, tensor::Tensor>> inputs{};
};

/// The exact types of the model's inputs under these bindings, by name; inputs that are bound to a value or whose
/// default serves are left out. Throws invalid_argument as Lowering does.
[[nodiscard]] std::map<std::string, tensor::Type> input_types(const Model& model, const Bindings& bindings);

/// Bounds on what a small file can blow up to; beyond them lowering fails with Code::unsupported.
struct Limits {
    std::int64_t elements = std::int64_t{1} << 40;        ///< of one value
    std::int64_t table_elements = std::int64_t{1} << 26;  ///< of one table of indices or weights made while lowering
    std::int64_t operators = std::int64_t{1} << 20;       ///< of the core language, all segments together
    std::int64_t steps = std::int64_t{1} << 22;           ///< operators of the file, those of unrolled loops each time
    /// Of the constants that lowering makes and holds at a time, beyond four times the file's own.
    std::uint64_t constant_bytes = std::uint64_t{1} << 30;
    /// Operations and elements of what is computed while lowering, beyond four for each of the file's bytes; what
    /// would take more is left to the device.
    std::int64_t work = 2'000'000'000;
    int nesting = 64;  ///< functions, branches and loop bodies inside each other
};

struct Segment {
    graph::Graph graph;               ///< ports carry the names of values: the model's inputs, or results of segments
    std::vector<std::string> wanted;  ///< values that resolve() asks for, in order; empty in the last segment
    bool last = false;                ///< the graph's outputs are the model's, in order and by name
};

/// Called between operators; what it throws ends the lowering, which is of no use then.
using StillWanted = std::function<void()>;

class Lowering {
public:
    /// Throws invalid_argument for bindings that the model has no use for or that contradict it, and for sizes that
    /// remain unknown; unsupported with the whole list of operators that have no lowering.
    Lowering(const Model& model, Bindings bindings, Limits limits = {});
    ~Lowering();
    Lowering(const Lowering& other);
    Lowering& operator=(const Lowering& other);
    Lowering(Lowering&&) noexcept;
    Lowering& operator=(Lowering&&) noexcept;

    /// Lowers as far as the known values reach. Not to be called again before resolve(), nor after the last segment.
    /// Throws invalid_model or unsupported naming the operator of the file.
    [[nodiscard]] Segment advance(const StillWanted& still_wanted = {});

    /// Takes the values that the last segment wanted, in order. Returns values by name that were computed from them on
    /// the host and that the next segments may read.
    [[nodiscard]] std::map<std::string, tensor::Tensor> resolve(std::vector<tensor::Tensor> values);

    /// The names of the values that this segment or later ones may read: all others need not be kept.
    [[nodiscard]] std::set<std::string> needed() const;

    /// Grows with every resolve(): equal for lowerings of the same model and bindings exactly when all segments from
    /// here on are equal as well.
    [[nodiscard]] const std::string& key() const noexcept;

private:
    class Machine;
    std::unique_ptr<Machine> machine_;
};

/// Lowers a model that is one segment; throws unsupported naming the first operator that makes it need more.
[[nodiscard]] graph::Graph lower(const Model& model, const Bindings& bindings, const Limits& limits = {});

/// Runs a whole model, segment by segment: `run` executes one graph. For tests and tools; a session does the same with
/// compiled segments. Inputs that `inputs` leaves out must have a default. Returns the outputs in the model's order.
using RunGraph =
    std::function<std::vector<tensor::Tensor>(const graph::Graph& graph, const std::vector<tensor::Tensor>& inputs)>;
[[nodiscard]] std::vector<tensor::Tensor> evaluate(const Model& model,
                                                   const std::map<std::string, tensor::Tensor>& inputs,
                                                   const RunGraph& run, const Limits& limits = {});

}  // namespace shoal::importer
