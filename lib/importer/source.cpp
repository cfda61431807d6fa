#include "importer/source.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/file.hpp"

namespace shoal::importer {
namespace {

bool is_zero_or_one(std::byte value) {
    return std::to_integer<int>(value) <= 1;
}

// A boolean byte other than 0 and 1 means true; cards rely on 1.
base::SharedBytes normal_booleans(base::ByteView bytes) {
    std::vector<std::byte> out(bytes.begin(), bytes.end());
    for (std::byte& value : out)
        value = std::byte{static_cast<unsigned char>(value != std::byte{0})};
    return base::SharedBytes::own(std::move(out));
}

}  // namespace

Tensor SourceTensor::tensor() const {
    if (!refusal.empty()) base::fail(base::Code::unsupported, refusal);
    const auto view = bytes.view();
    if (type.element == ElementType::boolean && !std::all_of(view.begin(), view.end(), is_zero_or_one))
        return {type, normal_booleans(view)};
    const auto alignment = static_cast<std::uintptr_t>(std::max(1, tensor::bits(type.element) / 8));
    if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignment == 0) return {type, bytes};
    Tensor copy(type);
    std::copy(view.begin(), view.end(), copy.edit().begin());
    base::forget_pages(bytes);
    return copy;
}

std::string_view kind_of(const AttributeValue& value) noexcept {
    constexpr std::string_view kNames[] = {
        "a real number",      "an integer",      "text",        "a tensor",         "a graph", "a list of real numbers",
        "a list of integers", "a list of texts", "a reference", "of a foreign kind"};
    static_assert(std::size(kNames) == std::variant_size_v<AttributeValue>);
    return kNames[value.index()];
}

std::vector<std::string_view> names_read(const SourceOp& op) {
    std::vector<std::string_view> out;
    for (const auto& name : op.inputs) {
        if (!name.empty()) out.push_back(name);
    }
    for (const auto& [name, value] : op.attributes) {
        if (const auto* inner = std::get_if<std::shared_ptr<const SourceBody>>(&value))
            out.insert(out.end(), (*inner)->captured.begin(), (*inner)->captured.end());
    }
    return out;
}

std::string describe(const SourceOp& op) {
    return (op.domain.empty() ? "" : op.domain + ".") + op.type + " '" + op.name + "'";
}

std::string function_key(std::string_view domain, std::string_view name, std::string_view overload) {
    std::string out(domain);
    out.append(1, '\0').append(name).append(1, '\0').append(overload);
    return out;
}

const SourceFunction* SourceModel::find_function(const SourceOp& op) const noexcept {
    if (functions.empty()) return nullptr;
    const auto found = functions.find(function_key(op.domain, op.type, op.overload));
    return found == functions.end() ? nullptr : &found->second;
}

}  // namespace shoal::importer
