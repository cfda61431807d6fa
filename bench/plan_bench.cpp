// How long planning takes: one line a case, with what came out of it.
#include <cstdio>
#include <ctime>
#include <string>

#include "base/units.hpp"
#include "plan/instances.hpp"
#include "plan/planner.hpp"
#include "plan/simulate.hpp"

using namespace shoal;

namespace {

// Of this thread's processor: the machine may be shared.
double now_ms() {
    return static_cast<double>(std::clock()) * 1e3 / CLOCKS_PER_SEC;
}

struct Case {
    const char* what;
    int boards, kinds, kernels;
    bool unlike_links;
    double memory_low, memory_high;  // parts of the whole model
};

void plan_case(const Case& c, plan::Objective objective, unsigned seed) {
    std::mt19937 random(seed);
    test::RandomCluster cluster{c.boards, c.kinds, c.unlike_links};
    cluster.memory_low = c.memory_low;
    cluster.memory_high = c.memory_high;
    cluster.bytes_per_s = 1e7;
    auto problem = test::random_problem(random, {c.kernels, true, false, 1}, cluster);
    problem.objective = objective;
    const double start = now_ms();
    std::string outcome;
    try {
        const auto plan = plan::make_plan(problem);
        const auto& p = plan.prediction;
        outcome = base::text(plan.prediction.stages.size(), " stages on ", plan.root.children.size(), " parts, ",
                             base::format_ms(p.latency_s * 1e3), ", ", p.requests_per_s, "/s, gap ", p.gap * 100, " %");
    } catch (const base::Error& error) {
        outcome = error.what();
    }
    std::printf("%-44s %-10s %7.0f ms  %s\n", c.what, objective == plan::Objective::latency ? "latency" : "throughput",
                now_ms() - start, outcome.c_str());
    std::fflush(stdout);
}

}  // namespace

int main() {
    const Case cases[] = {
        {"16 boards x 500, memory for all", 16, 0, 500, false, 1.5, 3},
        {"16 boards x 500, 0.3-0.6 of the model each", 16, 0, 500, false, 0.3, 0.6},
        {"16 boards x 500, 0.1-0.2 of the model each", 16, 0, 500, false, 0.1, 0.2},
        {"16 boards x 500, unlike links", 16, 0, 500, true, 0.3, 1.5},
        {"16 boards x 500, unlike links, little memory", 16, 0, 500, true, 0.1, 0.2},
        {"18 boards x 500", 18, 0, 500, false, 0.1, 0.5},
        {"64 boards of 4 kinds x 500", 64, 4, 500, false, 0.1, 0.5},
        {"64 boards, all unlike, x 500", 64, 0, 500, false, 0.1, 0.5},
        {"4096 boards of 4 kinds x 500", 4096, 4, 500, false, 0.3, 1.5},
    };
    for (const Case& c : cases) {
        for (const auto objective : {plan::Objective::latency, plan::Objective::throughput}) {
            for (unsigned seed = 1; seed <= 2; ++seed)
                plan_case(c, objective, seed);
        }
    }
}
