#include "support/compare.hpp"

#include <algorithm>
#include <cmath>

namespace shoal::test {

std::string difference(const tensor::Tensor& got, const tensor::Tensor& want, Tolerance tolerance) {
    if (got.type() != want.type()) return base::text("got ", got.type(), ", want ", want.type());
    const auto a = tensor::to_doubles(got), b = tensor::to_doubles(want);
    double largest = 1;
    for (const double value : b) {
        if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
    }
    std::size_t wrong = 0, first = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const bool same = a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]));
        if (same || std::abs(a[i] - b[i]) <= tolerance.relative * std::abs(b[i]) + tolerance.absolute * largest)
            continue;
        if (wrong++ == 0) first = i;
    }
    if (wrong == 0) return "";
    return base::text(wrong, " of ", a.size(), " elements of ", got.type(), " differ, first at ", first, ": got ",
                      a[first], ", want ", b[first]);
}

}  // namespace shoal::test
