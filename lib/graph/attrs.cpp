#include "graph/attrs.hpp"

#include <algorithm>
#include <limits>

#include "base/error.hpp"

namespace shoal::graph {
namespace {

struct Print {
    std::ostream& out;
    void operator()(std::int64_t value) const { out << value; }
    void operator()(const std::string& value) const { out << value; }
    // So many digits that they read back as this very number: who compares texts compares the numbers. GCC 10 has no
    // std::to_chars for them.
    void operator()(double value) const {
        std::string digits;
        double back = 0;
        for (int precision = 6; precision <= std::numeric_limits<double>::max_digits10; ++precision) {
            auto text = base::plain_output();
            text.precision(precision);
            text << value;
            digits = text.str();
            auto in = base::plain_input(digits);
            if (in >> back && back == value) break;
        }
        out << digits;
    }
    template <class T>
    void operator()(const std::vector<T>& list) const {
        out << '[';
        for (std::size_t i = 0; i < list.size(); ++i) {
            out << (i ? "," : "");
            (*this)(list[i]);
        }
        out << ']';
    }
};

}  // namespace

Attrs::Attrs(std::initializer_list<std::pair<std::string_view, AttrValue>> values) {
    for (const auto& [name, value] : values)
        set(name, value);
}

Attrs& Attrs::set(std::string_view name, AttrValue value) {
    const auto at = std::lower_bound(values_.begin(), values_.end(), name,
                                     [](const auto& entry, std::string_view wanted) { return entry.first < wanted; });
    if (at != values_.end() && at->first == name) {
        at->second = std::move(value);
    } else {
        values_.emplace(at, std::string(name), std::move(value));
    }
    return *this;
}

const AttrValue* Attrs::find(std::string_view name) const noexcept {
    for (const auto& [key, value] : values_) {
        if (key == name) return &value;
    }
    return nullptr;
}

template <class T>
const T& Attrs::get(std::string_view name) const {
    const AttrValue* value = find(name);
    base::ensure(value != nullptr, "attribute '", name, "' is missing among ", to_string(*this));
    const T* typed = std::get_if<T>(value);
    base::ensure(typed != nullptr, "attribute '", name, "' has another type in ", to_string(*this));
    return *typed;
}

std::int64_t Attrs::integer(std::string_view name) const {
    return get<std::int64_t>(name);
}
std::int64_t Attrs::integer(std::string_view name, std::int64_t otherwise) const {
    return has(name) ? get<std::int64_t>(name) : otherwise;
}
double Attrs::real(std::string_view name) const {
    return get<double>(name);
}
double Attrs::real(std::string_view name, double otherwise) const {
    return has(name) ? get<double>(name) : otherwise;
}
const std::string& Attrs::text(std::string_view name) const {
    return get<std::string>(name);
}
const Ints& Attrs::ints(std::string_view name) const {
    return get<Ints>(name);
}

std::string to_string(const Attrs& attrs) {
    auto out = base::plain_output();
    bool first = true;
    for (const auto& [name, value] : attrs.all()) {
        out << (first ? "" : ", ") << name << '=';
        std::visit(Print{out}, value);
        first = false;
    }
    return out.str();
}

}  // namespace shoal::graph
