// The table of operators: which lowering serves an operator of which domain and version.
//
// Rows stand in the family files of lower/; the build collects them (lower/families.hpp), there is no other list.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.hpp"

namespace shoal::importer {

class Context;
struct Slot;
using Values = std::vector<graph::ValueId>;

/// The newest version of ai.onnx that rows are written for.
inline constexpr int kNewestOpset = 28;

/// Operators that steer which bodies are lowered; the machine does them, they have no lowering of their own.
enum class Control : std::uint8_t { none, branch, loop, scan };

/// A scalar function's parameter p or q, and the attribute that gives it.
struct Parameter {
    std::string_view attribute{};
    double otherwise = 0;
};

struct Row {
    std::string_view domain;  ///< "" is ai.onnx
    std::string_view name;
    /// Versions of the domain, both included; until 0: the newest that we know. Files may use an operator before it
    /// came into being (exporters do); `since` is above 1 only where an older form is not served.
    int since, until;
    /// Returns the operator's outputs in order; trailing ones that nobody asks for may be left out.
    Values (*lower)(Context&);
    std::string_view real{}, whole{};  ///< for the elementwise rows: scalar functions for floats and for other elements
    Parameter p{}, q{};
    Control control = Control::none;
    /// Instead of `lower`, for operators on sequences and optionals.
    std::vector<Slot> (*lower_slots)(Context&) = nullptr;
    std::string_view refusal{};  ///< a well-known operator that Shoal does not run, and why; no lowering then
};

struct Family {
    std::span<const Row> rows;
};

/// The row for an operator of a model that imports version `opset` of its domain, or nullptr.
[[nodiscard]] const Row* find_row(std::string_view domain, std::string_view name, std::int64_t opset) noexcept;
[[nodiscard]] bool is_supported(std::string_view domain, std::string_view name, std::int64_t opset) noexcept;
/// Why a known operator is refused; "" for unknown ones.
[[nodiscard]] std::string reason_of_refusal(std::string_view domain, std::string_view name);

/// Every row, for listings and tests.
[[nodiscard]] std::vector<const Row*> all_rows();

}  // namespace shoal::importer
