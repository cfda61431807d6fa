// What a lowering function sees of the operator it lowers: inputs, attributes, values that are known, and the builder.
//
// Every access checks what the file says and fails naming the operator, so that a lowering reads as its mathematics.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "graph/builder.hpp"
#include "importer/lowering.hpp"
#include "importer/operators.hpp"
#include "importer/source.hpp"

namespace shoal::importer {

using graph::Builder;
using graph::Ints;
using graph::kNoValue;
using graph::ValueId;

/// Thrown by Context and caught by the machine: lowering needs the values of these before it can go on.
struct NeedsValues {
    std::vector<ValueId> ids;
    /// Empty: the values themselves decide how lowering goes on. Else only what this makes of them is wanted.
    std::function<std::vector<Tensor>(const std::vector<Tensor>&)> on_host;
};

/// What a name of the file stands for: a value, a sequence of values, or nothing (an input or an optional left out).
struct Slot {
    ValueId id = kNoValue;
    bool sequence = false;
    bool optional = false;                   ///< an optional without a value; may be bound to a name all the same
    std::vector<ValueId> items{};            ///< of a sequence
    ElementType element = ElementType::f32;  ///< of a sequence without items

    static Slot of(ValueId id) { return {id}; }
    [[nodiscard]] bool absent() const noexcept { return id == kNoValue && !sequence; }
};

class Context {
public:
    /// What the machine lends for one operator.
    struct Place {
        const SourceOp& op;
        const Row& row;
        std::int64_t opset;
        std::vector<Slot> inputs;
        const Attributes* caller;       ///< attributes of the function call around, or nullptr
        std::optional<Values> on_host;  ///< what the host computed for this operator, when it asked before
    };

    Context(Builder& builder, Place place, const Limits& limits)
        : builder_(builder), place_(std::move(place)), limits_(limits) {}

    [[nodiscard]] Builder& builder() noexcept { return builder_; }
    [[nodiscard]] const Row& row() const noexcept { return place_.row; }
    [[nodiscard]] const SourceOp& op() const noexcept { return place_.op; }
    [[nodiscard]] std::int64_t opset() const noexcept { return place_.opset; }

    /// Inputs as written, trailing ones that are left out not counted.
    [[nodiscard]] int input_count() const noexcept { return static_cast<int>(place_.inputs.size()); }
    [[nodiscard]] bool has(int i) const noexcept;
    /// Throws invalid_model when the input is left out.
    [[nodiscard]] ValueId in(int i) const;
    [[nodiscard]] ValueId in_or_none(int i) const noexcept { return has(i) ? in(i) : kNoValue; }
    /// By value: the builder moves its types when it grows.
    [[nodiscard]] Type type(int i) const { return builder_.type(in(i)); }
    [[nodiscard]] Shape shape(int i) const { return builder_.shape(in(i)); }
    [[nodiscard]] int rank(int i) const { return shape(i).rank(); }
    [[nodiscard]] ElementType element(int i) const { return builder_.element(in(i)); }
    /// The input as it is bound, for operators on sequences and optionals.
    [[nodiscard]] Slot slot(int i) const {
        return i < input_count() ? place_.inputs[static_cast<std::size_t>(i)] : Slot();
    }
    [[nodiscard]] const std::vector<Slot>& slots() const noexcept { return place_.inputs; }
    /// True when the operator's output i is read by somebody (it has a name).
    [[nodiscard]] bool wants(int i) const noexcept;
    [[nodiscard]] int output_count() const noexcept { return static_cast<int>(place_.op.outputs.size()); }

    // Values that must be known while lowering. When one is computed at run time, lowering stops here until it is
    // known.

    [[nodiscard]] Tensor value(int i) const;
    [[nodiscard]] Ints ints(int i) const;
    [[nodiscard]] std::vector<double> reals(int i) const;
    /// The one element of input i.
    [[nodiscard]] std::int64_t integer(int i) const;
    [[nodiscard]] double real(int i) const;
    [[nodiscard]] bool truth(int i) const;
    /// The value if it is known already, without stopping for it.
    [[nodiscard]] std::optional<Tensor> known(ValueId id) const;
    [[nodiscard]] std::optional<Tensor> known_input(int i) const { return has(i) ? known(in(i)) : std::nullopt; }
    /// Outputs that plain code on the host makes of some inputs' values. The next segment reads them as inputs, so it
    /// depends on their types only. At most once for an operator.
    using HostFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;
    [[nodiscard]] Values on_host(const std::vector<int>& inputs, HostFunction function);

    // Attributes. Without `otherwise` the attribute must be there.

    [[nodiscard]] bool has_attribute(std::string_view name) const;
    [[nodiscard]] std::int64_t integer(std::string_view name) const;
    [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t otherwise) const;
    [[nodiscard]] bool flag(std::string_view name, bool otherwise) const {
        return integer(name, otherwise ? 1 : 0) != 0;
    }
    [[nodiscard]] double real(std::string_view name) const;
    [[nodiscard]] double real(std::string_view name, double otherwise) const;
    /// A real number or an integer.
    [[nodiscard]] double number(std::string_view name, double otherwise) const;
    [[nodiscard]] std::string text(std::string_view name) const;
    [[nodiscard]] std::string text(std::string_view name, std::string_view otherwise) const;
    [[nodiscard]] Ints ints(std::string_view name) const;
    [[nodiscard]] Ints ints(std::string_view name, Ints otherwise) const;
    [[nodiscard]] std::vector<double> reals(std::string_view name, std::vector<double> otherwise = {}) const;
    [[nodiscard]] std::vector<std::string> texts(std::string_view name) const;
    [[nodiscard]] Tensor tensor(std::string_view name) const;
    [[nodiscard]] std::shared_ptr<const SourceBody> body(std::string_view name) const;
    /// An element type given by its ONNX number; throws unsupported for one that Shoal has not.
    [[nodiscard]] ElementType element_type(std::string_view name, ElementType otherwise) const;

    /// What moved from an attribute to an input over the versions: the input's value, else the attribute, else none.
    [[nodiscard]] std::optional<Ints> ints_from(int input, std::string_view attribute) const;

    /// An axis attribute or value in [-rank, rank), counted from 0.
    [[nodiscard]] int axis(std::int64_t axis, int rank) const;
    /// Each once, ascending.
    [[nodiscard]] std::vector<int> axes(const Ints& axes, int rank) const;

    /// The outputs of operator `type` of ai.onnx, version `opset`, on these inputs and with this operator's attributes:
    /// what fused and quantised forms are made of.
    [[nodiscard]] Values as(std::string_view type, std::int64_t opset, const Values& inputs) const;

    /// Throws unsupported unless a table of so many elements may be made.
    void expect_table(std::int64_t elements) const;
    /// The same for an operator that becomes so many.
    void expect_operators(std::int64_t count) const;

    template <class... Parts>
    [[noreturn]] void invalid(const Parts&... parts) const {
        base::fail(base::Code::invalid_model, parts...);
    }
    template <class... Parts>
    [[noreturn]] void unsupported(const Parts&... parts) const {
        base::fail(base::Code::unsupported, parts...);
    }
    /// Throws invalid_model with the parts joined unless it holds.
    template <class... Parts>
    void expect(bool holds, const Parts&... parts) const {
        if (!holds) invalid(parts...);
    }

private:
    [[nodiscard]] const AttributeValue* find(std::string_view name) const;
    template <class T>
    [[nodiscard]] const T* get(std::string_view name) const;
    template <class T>
    [[nodiscard]] const T& need(std::string_view name) const;

    Builder& builder_;
    Place place_;
    const Limits& limits_;
};

/// The value of `id` when nothing but constants went into it, computed by the cards' references where the builder left
/// it as operators; nullopt when an input of the graph went into it, when more than `most` elements are made on the way
/// or when the builder cannot afford it.
[[nodiscard]] std::optional<Tensor> constant_value(Builder& builder, ValueId id, std::int64_t most);

}  // namespace shoal::importer
