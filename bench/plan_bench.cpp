// How long planning takes: one line a case, with what came out of it.
#include <cstdio>
#include <ctime>
#include <string>

#include "base/units.hpp"
#include "plan/failover.hpp"
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

plan::Problem problem_of(const Case& c, plan::Objective objective, unsigned seed) {
    std::mt19937 random(seed);
    test::RandomCluster cluster{c.boards, c.kinds, c.unlike_links};
    cluster.memory_low = c.memory_low;
    cluster.memory_high = c.memory_high;
    cluster.bytes_per_s = 1e7;
    auto problem = test::random_problem(random, {c.kernels, true, false, 1}, cluster);
    problem.objective = objective;
    return problem;
}

void plan_case(const Case& c, plan::Objective objective, unsigned seed) {
    const auto problem = problem_of(c, objective, seed);
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

void failover_case(const Case& c, plan::Objective objective) {
    const auto problem = problem_of(c, objective, 1);
    const double start = now_ms();
    const plan::Failover failover(problem, 4);
    const double ready = now_ms();
    std::printf("%-44s %-10s %7.0f ms  prepared;", c.what, objective == plan::Objective::latency ? "latency" : "rate",
                ready - start);
    for (const auto& lost : {std::vector<std::uint32_t>{0}, {3, 7}, {1, 5, 9, 13}}) {
        const double asked = now_ms();
        const auto plan = failover.without(lost);
        const double quick = now_ms();
        const auto careful = plan::replan(problem, lost);
        const auto value = [&](const plan::Plan& p) {
            return objective == plan::Objective::latency ? 1 / p.prediction.latency_s : p.prediction.requests_per_s;
        };
        std::printf("  %zu lost: %.1f ms (%.0f %% of replan's in %.0f ms)", lost.size(), quick - asked,
                    plan ? 100 * value(*plan) / value(careful) : 0.0, now_ms() - quick);
    }
    std::printf("\n");
}

void simulation_case(std::uint32_t boards, std::uint32_t stages, std::uint64_t requests) {
    plan::Cluster cluster;
    plan::Flow flow;
    flow.axis = plan::Axis::requests;
    for (std::uint32_t b = 0; b < boards; ++b) {
        cluster.boards.push_back({base::text("b", b), {}, 1});
        if (b % stages == 0) {
            flow.children.emplace_back();
            flow.shares.push_back(1);
        }
        flow.children.back().stages.push_back({{0, b, b % stages, b % stages + 1}, 1e-2, 1000, 1000, 0});
    }
    cluster.default_link = {1e-4, 1e10, -1};
    plan::SimulationOptions options;
    options.requests = requests;
    options.jitter = 0.1;
    const double start = now_ms();
    const auto result = plan::simulate(flow, cluster, 2, options);
    const double ms = now_ms() - start;
    std::printf("simulate %5u boards in pipelines of %2u, %7llu requests: %6.0f ms, %5.1f M events, %.1f M events/s\n",
                boards, stages, static_cast<unsigned long long>(requests), ms, static_cast<double>(result.events) / 1e6,
                static_cast<double>(result.events) / ms / 1e3);
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
    for (const int index : {1, 2, 3}) {
        for (const auto objective : {plan::Objective::latency, plan::Objective::throughput})
            failover_case(cases[index], objective);
    }
    simulation_case(4096, 1, 200'000);
    simulation_case(4096, 16, 50'000);
    simulation_case(16384, 16, 100'000);
}
