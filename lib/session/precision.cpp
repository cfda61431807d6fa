#include <algorithm>
#include <array>

#include "importer/quantise.hpp"
#include "session/session.hpp"

namespace shoal::session {
namespace {

constexpr std::array<std::string_view, 4> kNames{"fp32", "fp16", "int8w", "int4w"};

}  // namespace

std::string_view name(Precision precision) noexcept {
    return kNames[static_cast<std::size_t>(precision)];
}

std::optional<Precision> find_precision(std::string_view name) noexcept {
    const auto at = std::find(kNames.begin(), kNames.end(), name);
    if (at == kNames.end()) return std::nullopt;
    return static_cast<Precision>(at - kNames.begin());
}

importer::Model with_precision(const importer::Model& model, Precision precision) {
    if (precision != Precision::int8w && precision != Precision::int4w) return model;
    importer::WeightQuantisation how;
    how.bits = precision == Precision::int8w ? 8 : 4;
    how.portable = false;
    return importer::quantise_weights(model, how).model;
}

}  // namespace shoal::session
