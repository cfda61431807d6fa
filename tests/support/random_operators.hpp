// Random operators: for each card attributes and shapes by dice, small, odd and uneven, where the sample rows are few
// and chosen. For properties that must hold whatever the operator is.
#pragma once

#include "support/samples.hpp"

namespace shoal::test {

/// An operator of this card. Throws base::Error for a card that nobody wrote dice for.
[[nodiscard]] Sample random_operator(const graph::Card& card, std::mt19937& random);

}  // namespace shoal::test
