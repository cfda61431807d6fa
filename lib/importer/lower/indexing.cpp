// Gathers and scatters.
#include "importer/compose.hpp"
#include "importer/context.hpp"
#include "importer/lower/families.hpp"

namespace shoal::importer {
namespace {

Values gather(Context& c) {
    return {c.builder().gather(c.in(0), c.in(1), c.axis(c.integer("axis", 0), c.rank(0)))};
}

const Row kRows[] = {
    {"", "Gather", 1, 0, gather},
};

}  // namespace

namespace families {
const Family indexing{kRows};
}

}  // namespace shoal::importer
