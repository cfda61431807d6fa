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

class Builder {
public:
    explicit Builder(std::string name = {});

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
    /// Refuses (Code::unsupported) to add more operators than this, and to fold many times more.
    void set_most_operators(std::size_t most) noexcept { most_operators_ = most; }
    void set_name(ValueId id, std::string name) { graph_.values.at(id).name = std::move(name); }
    [[nodiscard]] const Graph& graph() const noexcept { return graph_; }

    /// The finished graph: without dead operators, groups one operator each, names unique. The builder is empty then.
    [[nodiscard]] Graph finish();

private:
    static constexpr std::size_t kMostValuesEach = 16;  ///< values, constants among them, for every operator

    ValueId new_value(Type type, std::string name = {});
    [[nodiscard]] bool foldable(const std::vector<ValueId>& inputs, const std::vector<Type>& outputs) const;

    Graph graph_;
    std::string origin_;
    bool folding_ = true;
    std::size_t most_operators_ = std::numeric_limits<std::size_t>::max() / kMostValuesEach;
};

}  // namespace shoal::graph
