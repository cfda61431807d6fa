#include "graph/side_by_side.hpp"

#include <doctest/doctest.h>

#include "graph/kernel_signature.hpp"
#include "runtime/host_backend.hpp"
#include "support/networks.hpp"

using namespace shoal;

TEST_CASE("kernels side by side are sound, and compute what each does alone") {
    for (const auto& network : test::networks()) {
        CAPTURE(network.name);
        auto graph = network.graph;
        graph::unique_names(graph);
        const auto kernels = graph::groups(graph);
        std::vector<graph::GroupRange> some;
        for (std::size_t i = 0; i < kernels.size(); i += 2)
            some.push_back(kernels[kernels.size() - 1 - i]);
        const auto together = graph::side_by_side(graph, some);
        graph::validate(together);
        CHECK(graph::groups(together).size() == some.size());
        for (std::size_t i = 0; i < some.size(); ++i) {
            const auto range = graph::groups(together)[i];
            CHECK(graph::kernel_signature(together, range) == graph::kernel_signature(graph, some[i]));
        }
        const auto executable = runtime::make_host_backend()->compile(together);
        CHECK(executable->profile(1).size() == together.ops.size());
    }
}
