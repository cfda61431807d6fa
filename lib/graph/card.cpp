#include "graph/card.hpp"

#include "graph/cards.hpp"

namespace shoal::graph {

std::string_view name(Merge merge) noexcept {
    switch (merge) {
        case Merge::concat: return "concatenate";
        case Merge::sum: return "sum";
        case Merge::product: return "product";
        case Merge::max: return "maximum";
        case Merge::min: return "minimum";
    }
    return "?";
}

std::span<const Card* const> all_cards() noexcept {
    return cards::kAll;
}

const Card* find_card(std::string_view name) noexcept {
    for (const Card* card : cards::kAll) {
        if (card->name == name) return card;
    }
    return nullptr;
}

Cost cost(const Card& card, const Signature& signature) {
    Cost out;
    if (card.bytes != nullptr) {
        out = card.bytes(signature);
    } else {
        for (const Type* type : signature.inputs) {
            if (type != nullptr) out.bytes_read += static_cast<double>(type->size_bytes());
        }
        for (const Type* type : signature.outputs)
            out.bytes_written += static_cast<double>(type->size_bytes());
    }
    out.flops = card.flops(signature);
    return out;
}

}  // namespace shoal::graph
