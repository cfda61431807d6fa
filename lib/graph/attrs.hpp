// An operator's attributes: a small sorted table of named values. Which names an operator has stands on its card.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace shoal::graph {

using Ints = std::vector<std::int64_t>;
using AttrValue = std::variant<std::int64_t, double, std::string, Ints, std::vector<double>>;

/// Reading a name that is not there, or with another type, throws Code::internal unless a default is given: the graph's
/// makers are our own code, and what comes over the wire is validated against the card first.
class Attrs {
public:
    Attrs() = default;
    Attrs(std::initializer_list<std::pair<std::string_view, AttrValue>> values);

    Attrs& set(std::string_view name, AttrValue value);
    [[nodiscard]] bool has(std::string_view name) const noexcept { return find(name) != nullptr; }

    [[nodiscard]] std::int64_t integer(std::string_view name) const;
    [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t otherwise) const;
    [[nodiscard]] double real(std::string_view name) const;
    [[nodiscard]] double real(std::string_view name, double otherwise) const;
    [[nodiscard]] const std::string& text(std::string_view name) const;
    [[nodiscard]] const Ints& ints(std::string_view name) const;

    /// Sorted by name.
    [[nodiscard]] const std::vector<std::pair<std::string, AttrValue>>& all() const noexcept { return values_; }
    bool operator==(const Attrs&) const = default;

private:
    [[nodiscard]] const AttrValue* find(std::string_view name) const noexcept;
    template <class T>
    [[nodiscard]] const T& get(std::string_view name) const;

    std::vector<std::pair<std::string, AttrValue>> values_;
};

/// "axis=1, fn=sum"; for one card, texts are equal exactly when the attributes are.
[[nodiscard]] std::string to_string(const Attrs& attrs);

}  // namespace shoal::graph
