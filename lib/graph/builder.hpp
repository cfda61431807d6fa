// Makes graphs: adds operators one by one, infers their types, folds what is constant and drops what does nothing.
//
// Who writes a lowering or a test uses the shorthands; each throws what the operator's card throws. Not thread-safe.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.hpp"

namespace shoal::graph {

/// What a builder may make. Beyond, it throws Code::unsupported; when the work is used up, it folds small things only.
struct Bounds {
    std::size_t operators = std::numeric_limits<std::size_t>::max() / 16;
    std::int64_t elements = std::numeric_limits<std::int64_t>::max();      ///< of one value
    std::size_t constant_bytes = std::numeric_limits<std::size_t>::max();  ///< of the constants that it holds
    double work = std::numeric_limits<double>::infinity();                 ///< operations and elements in all
};

class Builder {
public:
    explicit Builder(std::string name = {}, Bounds bounds = {});

    ValueId input(std::string name, Type type);
    void output(std::string name, ValueId value);
    ValueId constant(Tensor tensor, std::string name = {});
    /// Takes a constant over from another graph, bound or not.
    ValueId constant_value(const Value& value);
    /// A constant scalar of shape [].
    ValueId scalar(ElementType element, double value);

    /// Adds an operator and returns its outputs. When all inputs are constant and folding makes nothing much larger,
    /// the outputs are constants and no operator is added.
    std::vector<ValueId> add(const Card& card, std::vector<ValueId> inputs, Attrs attrs = {});

    ValueId map(std::string_view fn, std::vector<ValueId> inputs, double p = 0, double q = 0);
    ValueId cast(ValueId x, ElementType to);
    ValueId reshape(ValueId x, Shape shape);
    ValueId transpose(ValueId x, Ints perm);
    ValueId slice(ValueId x, Ints begins, Ints sizes, Ints steps);
    /// [begin, begin + size) of one axis.
    ValueId slice_axis(ValueId x, int axis, std::int64_t begin, std::int64_t size);
    ValueId pad(ValueId x, Ints before, Ints after, std::string mode = "constant", double value = 0);
    ValueId concat(std::vector<ValueId> parts, int axis);
    ValueId expand(ValueId x, Shape shape);
    /// Axes in any order, not negative; they stay with extent 1.
    ValueId reduce(std::string_view fn, ValueId x, Ints axes);
    ValueId gather(ValueId data, ValueId indices, int axis);
    ValueId matmul(ValueId a, ValueId b, bool transpose_b = false);
    ValueId iota(ElementType element, Shape shape, int axis, double start = 0, double step = 1);

    [[nodiscard]] const Type& type(ValueId id) const { return graph_.type(id); }
    [[nodiscard]] const Shape& shape(ValueId id) const { return graph_.type(id).shape; }
    [[nodiscard]] ElementType element(ValueId id) const { return graph_.type(id).element; }
    [[nodiscard]] bool is_constant(ValueId id) const { return graph_.is_constant(id); }
    [[nodiscard]] Tensor value_of(ValueId constant) const { return graph_.constant(constant); }

    /// The name that operators added from now on carry: that of the model's operator they come from.
    void set_origin(std::string name) { origin_ = std::move(name); }
    /// Switches constant folding off (or on again), for graphs that must keep an operator on constants.
    void set_folding(bool on) { folding_ = on; }
    /// Takes work out of the bounds; false, and takes none, when there is not so much left.
    [[nodiscard]] bool afford(double work) noexcept;
    [[nodiscard]] double work_left() const noexcept { return bounds_.work; }
    /// True when an input of the graph went into the value.
    [[nodiscard]] bool depends_on_inputs(ValueId id) const { return depends_.at(id); }
    /// Of the constants that it holds; a buffer that several share counts as often as it was handed in since
    /// forget_constants().
    [[nodiscard]] std::size_t constant_bytes() const noexcept { return constant_bytes_; }
    [[nodiscard]] std::size_t value_count() const noexcept { return graph_.values.size() - free_.size(); }
    [[nodiscard]] std::size_t most_values() const noexcept { return bounds_.operators * kMostValuesEach; }
    /// Forgets the constants that neither `named` nor an operator nor an output has; new values get their numbers.
    void forget_constants(const std::vector<ValueId>& named);
    void set_name(ValueId id, std::string name) { graph_.values.at(id).name = std::move(name); }
    [[nodiscard]] const Graph& graph() const noexcept { return graph_; }

    /// The finished graph: without dead operators, groups one operator each, names unique. The builder is empty then.
    [[nodiscard]] Graph finish();

private:
    static constexpr std::size_t kMostValuesEach = 4;   ///< values, constants among them, for every operator
    static constexpr std::size_t kMostInputsEach = 16;  ///< inputs of operators, for every operator

    ValueId new_value(Value value, bool depends_on_inputs);
    [[nodiscard]] bool depend(const std::vector<ValueId>& inputs) const;
    [[nodiscard]] bool foldable(const std::vector<ValueId>& inputs, const std::vector<Type>& outputs) const;
    [[nodiscard]] bool may_fold(double flops, const std::vector<Type>& outputs);

    Graph graph_;
    std::string origin_;
    bool folding_ = true;
    Bounds bounds_;              // `work` is what is left of it
    std::vector<bool> depends_;  // for every value
    std::vector<ValueId> free_;  // values that were forgotten
    std::size_t constant_bytes_ = 0, input_count_ = 0;
};

}  // namespace shoal::graph
