// A model file as plain values: what the lowering reads. Made once by parse.cpp, never changed afterwards, so that any
// number of lowerings on any thread share it. No protobuf from here on.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "importer/model.hpp"
#include "tensor/tensor.hpp"

namespace shoal::importer {

using tensor::ElementType;
using tensor::Shape;
using tensor::Tensor;
using tensor::Type;

/// A tensor as it stands in the file: checked, but not copied. Where its elements cannot be used (strings, complex
/// numbers, ...) `refusal` says why, and only who asks for the elements fails.
struct SourceTensor {
    Type type;
    base::SharedBytes bytes;  ///< exactly the type's size, at any alignment
    std::string refusal;

    /// Shares the file's bytes when they are aligned for the element type, else copies them.
    /// Throws unsupported with `refusal`.
    [[nodiscard]] Tensor tensor() const;
};

struct SourceBody;

/// The value is the calling operator's attribute of that name; only inside functions.
struct AttributeReference {
    std::string name;
};
/// A kind of attribute that no lowering reads (types, sparse tensors, lists of graphs).
struct ForeignAttribute {
    std::string kind;
};

using AttributeValue = std::variant<double, std::int64_t, std::string, SourceTensor, std::shared_ptr<const SourceBody>,
                                    std::vector<double>, std::vector<std::int64_t>, std::vector<std::string>,
                                    AttributeReference, ForeignAttribute>;
using Attributes = std::map<std::string, AttributeValue, std::less<>>;

/// "integer", "text", "a list of integers", ...
[[nodiscard]] std::string_view kind_of(const AttributeValue& value) noexcept;

struct SourceOp {
    std::string domain;  ///< "" for ai.onnx
    std::string type;    ///< e.g. "Conv"
    std::string overload;
    std::string name;  ///< for people; never empty
    std::vector<std::string> inputs;
    std::vector<std::string> outputs;
    Attributes attributes;
};

/// A graph of the file: the main one, a branch, a loop's body, or a function's. Operators stand in an order in which
/// they can run, and every name that is read is made before, here or in a body around this one.
struct SourceBody {
    std::string name;
    std::vector<SourceOp> ops;
    std::vector<ValueInfo> inputs;
    std::vector<ValueInfo> outputs;
    std::unordered_map<std::string, SourceTensor> initialisers;
    std::vector<std::string> captured;  ///< names that it reads from bodies around it, sorted
};

/// Every name that `op` reads, those that its nested bodies capture included; "" for inputs left out is not among them.
[[nodiscard]] std::vector<std::string_view> names_read(const SourceOp& op);

/// "Conv 'layer1/conv'", for errors.
[[nodiscard]] std::string describe(const SourceOp& op);

using Opsets = std::map<std::string, std::int64_t, std::less<>>;

struct SourceFunction {
    Opsets opsets;
    Attributes defaults;
    SourceBody body;
};

[[nodiscard]] std::string function_key(std::string_view domain, std::string_view name, std::string_view overload);

struct SourceModel {
    std::string name, producer;
    std::string called;  ///< what people know it by: the file's name, where exporters say "main_graph" of all
    std::int64_t ir_version = 0;
    Opsets opsets;
    std::uint64_t tensor_bytes = 0;  ///< of all tensors of the file
    SourceBody body;
    std::unordered_map<std::string, SourceFunction> functions;  ///< by function_key

    /// The model's own function that `op` calls, or nullptr.
    [[nodiscard]] const SourceFunction* find_function(const SourceOp& op) const noexcept;
};

/// Calls `visit(op)` for every operator of `body`, those of nested bodies included; `depth` 0 is the body itself.
template <class Visit>
void for_each_op(const SourceBody& body, Visit&& visit, int depth = 0) {
    for (const SourceOp& op : body.ops) {
        visit(op, depth);
        for (const auto& [name, value] : op.attributes) {
            if (const auto* inner = std::get_if<std::shared_ptr<const SourceBody>>(&value))
                for_each_op(**inner, visit, depth + 1);
        }
    }
}

}  // namespace shoal::importer
