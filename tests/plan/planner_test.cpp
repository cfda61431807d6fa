// make_plan as a whole: the best there is on small problems, memory never exceeded on any, and what it says when
// nothing fits.
#include "plan/planner.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "base/error.hpp"
#include "graph/builder.hpp"
#include "plan/bounds.hpp"
#include "plan/flow.hpp"
#include "plan/instances.hpp"
#include "plan/predict.hpp"
#include "support/random.hpp"

using namespace shoal;
using plan::Chain;
using plan::Mode;
using plan::Objective;
using plan::Pipeline;
using plan::Plan;
using plan::Problem;

namespace {

std::string complaint(const Problem& problem, base::Code code = base::Code::does_not_fit) {
    try {
        (void)make_plan(problem);
    } catch (const base::Error& error) {
        CHECK(error.code() == code);
        return error.what();
    }
    return "";
}

bool has(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

// Some kernels in a row, tensors of 100 f32, so many bytes of weights each; boards of equal speed and these memories.
Problem simple(int kernels, std::uint64_t weight_bytes, const std::vector<std::uint64_t>& memories) {
    graph::Builder builder("simple");
    auto x = builder.input("x", {tensor::ElementType::f32, {1, 100}});
    for (int k = 0; k < kernels; ++k) {
        builder.set_origin("layer" + std::to_string(k));
        x = builder.map("relu", {x});
    }
    builder.output("y", x);
    Problem out;
    out.models.push_back({std::make_shared<graph::Graph>(builder.finish()), {}});
    for (const auto memory : memories) {
        plan::Board board;
        board.name = std::string(1, static_cast<char>('a' + out.cluster.boards.size()));
        board.memory_bytes = memory;
        board.device.buffer_alignment = 1;
        out.cluster.boards.push_back(board);
        out.models[0].costs.push_back(std::vector<plan::KernelCost>(static_cast<std::size_t>(kernels),
                                                                    plan::KernelCost{1e-3, weight_bytes, 0, true}));
    }
    out.cluster.default_link = {1e-4, 1e7, -1};
    return out;
}

Problem random_instance(std::mt19937& random, int round) {
    const auto draw = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
    test::RandomCluster cluster{draw(1, 4), 0, round % 2 == 0};
    cluster.memory_low = 0.25;
    cluster.memory_high = 1.5;
    Problem out = test::random_problem(random, {draw(1, 7), round % 3 != 0, true, 1}, cluster);
    out.objective = round % 4 < 2 ? Objective::latency : Objective::throughput;
    return out;
}

bool memory_kept(const Problem& problem, const Plan& plan) {
    const auto memory = memory_by_board(flow_of(problem, make_chains(problem), plan), problem.cluster);
    for (std::size_t b = 0; b < memory.size(); ++b) {
        if (memory[b] > problem.cluster.boards[b].memory_bytes) return false;
    }
    return true;
}

double served(const Plan& plan) {
    return plan.objective == Objective::latency ? 1 / plan.prediction.latency_s : plan.prediction.requests_per_s;
}

}  // namespace

TEST_CASE("make_plan equals brute force, in pipelines for both objectives") {
    auto random = test::generator();
    int solved = 0;
    for (int round = 0; round < 1000; ++round) {
        CAPTURE(round);
        Problem problem = random_instance(random, round);
        problem.options.mode = Mode::pipeline;
        problem.options.max_credits = 1 + static_cast<std::uint32_t>(round % 4);
        const Chain chain(*problem.models[0].graph, plan::arena_alignment(problem.cluster));
        const auto& costs = problem.models[0].costs;
        const bool latency = problem.objective == Objective::latency;
        std::optional<double> want, serial;
        for (std::uint32_t credits = 1; credits <= problem.options.max_credits; ++credits) {
            const auto own = test::least(chain, problem, credits, [&](const Pipeline& pipeline) {
                return latency ? pipeline_latency_s(chain, problem.cluster, costs, pipeline)
                               : pipeline_period_s(chain, problem.cluster, costs, pipeline, credits);
            });
            // Stages that take turns (one credit) are within twice the best; docs/planner.md.
            auto& target = credits == 1 && !latency ? serial : want;
            if (own && (!target || *own < *target)) target = own;
        }
        if (!want && !serial) {
            CHECK(complaint(problem) != "");
            continue;
        }
        ++solved;
        const Plan plan = make_plan(problem);
        const double got = latency ? plan.prediction.latency_s : 1 / plan.prediction.requests_per_s;
        if (want) CHECK(got <= *want * (1 + 1e-8));
        if (serial) CHECK(got <= 2 * *serial * (1 + 1e-8));
        CHECK(got >= std::min(want.value_or(got), serial.value_or(got)) * (1 - 1e-8));
        CHECK(memory_kept(problem, plan));
    }
    CHECK(solved > 700);
}

TEST_CASE("no plan exceeds a board's memory, whatever the mode, the objective and the links") {
    auto random = test::generator();
    int planned = 0, tight = 0;
    for (int round = 0; round < 200; ++round) {
        CAPTURE(round);
        test::RandomCluster cluster{1 + round % 9, round % 4 == 0 ? 2 : 0, round % 3 == 0};
        cluster.kinds = std::min(cluster.kinds, cluster.boards);
        cluster.memory_low = 0.05 + 0.1 * (round % 5);
        cluster.memory_high = cluster.memory_low * 3;
        Problem problem = test::random_problem(random, {1 + round % 40}, cluster);
        for (const auto objective : {Objective::latency, Objective::throughput}) {
            problem.objective = objective;
            for (const auto mode :
                 {Mode::best, Mode::pipeline, Mode::single_board, Mode::equal_split, Mode::replicas}) {
                problem.options.mode = mode;
                try {
                    const Plan plan = make_plan(problem);
                    ++planned;
                    CHECK(memory_kept(problem, plan));
                    for (const auto& stage : plan.prediction.stages) {
                        CHECK(stage.memory_bytes <= stage.memory_limit);
                        if (stage.memory_bytes > stage.memory_limit * 9 / 10) ++tight;
                    }
                } catch (const base::Error& error) {
                    CHECK(error.code() == base::Code::does_not_fit);
                }
            }
        }
    }
    MESSAGE(planned, " plans, ", tight, " stages within a tenth of their limit");
    CHECK(planned > 300);
    CHECK(tight > 50);
}

TEST_CASE("the free planner is at least as good as every restricted mode, and no better than the bounds") {
    auto random = test::generator();
    int better = 0;
    for (int round = 0; round < 200; ++round) {
        CAPTURE(round);
        Problem problem = random_instance(random, round);
        if (complaint(problem) != "") continue;
        const Plan best = make_plan(problem);
        CHECK(best.prediction.latency_s >= best.prediction.latency_bound_s * (1 - 1e-9));
        CHECK(best.prediction.requests_per_s <= best.prediction.requests_per_s_bound * (1 + 1e-9));
        for (const auto mode : {Mode::pipeline, Mode::single_board, Mode::equal_split, Mode::replicas}) {
            problem.options.mode = mode;
            try {
                const Plan plan = make_plan(problem);
                const bool serial = plan.credits == 1 && problem.objective == Objective::throughput;
                CHECK(served(best) >= served(plan) * (serial ? 0.5 : 1 - 1e-7));
                if (served(best) > served(plan) * 1.01) ++better;
            } catch (const base::Error& error) {
                CHECK(error.code() == base::Code::does_not_fit);
            }
        }
    }
    CHECK(better > 100);
}

TEST_CASE("more memory or one board more never makes a plan worse") {
    auto random = test::generator();
    for (int round = 0; round < 150; ++round) {
        CAPTURE(round);
        Problem problem = random_instance(random, round);
        const bool fitted = complaint(problem) == "";
        const double before = fitted ? served(make_plan(problem)) : 0;
        Problem richer = problem;
        for (auto& board : richer.cluster.boards)
            board.memory_bytes += board.memory_bytes / 3;
        Problem fewer = problem;
        fewer.options.excluded = {0};
        if (fitted) CHECK(served(make_plan(richer)) >= before * (1 - 1e-7));
        if (problem.cluster.boards.size() > 1 && complaint(fewer) == "") {
            REQUIRE(fitted);
            CHECK(before >= served(make_plan(fewer)) * (1 - 1e-7));
        }
    }
}

TEST_CASE("the same problem gives the same plan") {
    auto random = test::generator();
    for (int round = 0; round < 20; ++round) {
        const Problem problem = random_instance(random, round);
        if (complaint(problem) == "") CHECK(make_plan(problem) == make_plan(problem));
    }
}

TEST_CASE("a slow board is left out when it only costs, and an excluded one is not used") {
    Problem problem = simple(6, 100, {100'000, 100'000, 100'000});
    for (auto& cost : problem.models[0].costs[1])
        cost.seconds = 5;
    for (const auto objective : {Objective::latency, Objective::throughput}) {
        problem.objective = objective;
        problem.options.mode = Mode::pipeline;
        for (const auto& stage : make_plan(problem).prediction.stages)
            CHECK(stage.work.board != 1);
    }
    problem.options = {};
    problem.options.excluded = {0};
    for (const auto& stage : make_plan(problem).prediction.stages)
        CHECK(stage.work.board != 0);
    problem.options.excluded = {0, 1, 2};
    CHECK(has(complaint(problem, base::Code::unavailable), "every board is excluded"));
}

TEST_CASE("latency: one board when it holds the model, several when none does") {
    Problem problem = simple(6, 1000, {10'000, 10'000});
    CHECK(make_plan(problem).root.is_leaf());
    for (auto& board : problem.cluster.boards)
        board.memory_bytes = 5'000;
    const Plan plan = make_plan(problem);
    CHECK(plan.root.axis == plan::Axis::operators);
    REQUIRE(plan.prediction.stages.size() == 2);
    CHECK(plan.prediction.gap == 0);
    CHECK(plan.prediction.stages[0].receive_bytes == 400);
    CHECK(plan.prediction.stages[0].receive_s == doctest::Approx(1e-4 + 400 / 1e7));
    CHECK(plan.prediction.stages[1].compute_s + plan.prediction.stages[0].compute_s == doctest::Approx(6e-3));
}

TEST_CASE("throughput: replicas where the model fits, a pipeline where it does not") {
    Problem problem = simple(6, 1000, {20'000, 20'000});
    problem.objective = Objective::throughput;
    const Plan replicas = make_plan(problem);
    CHECK(replicas.root.axis == plan::Axis::requests);
    CHECK(replicas.root.shares == std::vector<double>{0.5, 0.5});
    CHECK(replicas.prediction.requests_per_s == doctest::Approx(2 / 6e-3));
    CHECK(replicas.prediction.gap == doctest::Approx(0));
    for (auto& board : problem.cluster.boards)
        board.memory_bytes = 8'000;
    const Plan pipeline = make_plan(problem);
    CHECK(pipeline.root.axis == plan::Axis::operators);
    CHECK(pipeline.prediction.requests_per_s == doctest::Approx(1 / 3e-3));
}

TEST_CASE("a fixed number of stages is kept") {
    Problem problem = simple(6, 1000, {100'000, 100'000, 100'000, 100'000});
    for (const auto objective : {Objective::latency, Objective::throughput}) {
        problem.objective = objective;
        problem.options.mode = Mode::pipeline;
        for (std::uint32_t stages = 1; stages <= 4; ++stages) {
            problem.options.stages = stages;
            CHECK(make_plan(problem).prediction.stages.size() == stages);
        }
        problem.options.stages = 5;
        CHECK(has(complaint(problem, base::Code::invalid_argument), "5 stages"));
    }
}

TEST_CASE("nothing fits: a kernel too large for every board is named with its needs") {
    const std::string message = complaint(simple(3, 700 * 1024, {128 * 1024, 256 * 1024, 64 * 1024}));
    CHECK(has(message, "'layer0' (map, f32[1, 100])"));
    CHECK(has(message, "on board 'b', which has 256 KiB"));
    CHECK(has(message, "701 KiB"));
    CHECK(has(message, "445 KiB short"));
}

TEST_CASE("nothing fits: weights against the memory of all boards") {
    const std::string message = complaint(simple(40, 20 * 1024, {256 * 1024, 128 * 1024}));
    CHECK(has(message, "the weights take 800 KiB"));
    CHECK(has(message, "all 2 boards together is 384 KiB"));
    CHECK(has(message, "416 KiB short"));
}

TEST_CASE("nothing fits: where weights are kept larger than the model has them, what would help is said") {
    graph::Builder builder("weighty");
    const auto x = builder.input("x", {tensor::ElementType::f32, {1, 100}});
    const auto weights = builder.constant(tensor::Tensor::of<float>({1, 100}, std::vector<float>(100, 1.0F)));
    builder.output("y", builder.map("add", {x, weights}));
    Problem problem = simple(1, 1600, {2000});
    problem.models[0].graph = std::make_shared<graph::Graph>(builder.finish());
    CHECK(has(complaint(problem),
              "board 'a' keeps the model's weights in 1.6 KiB, laid out for speed, and in about 400 B"));
    problem.cluster.boards[0].memory_bytes = 500;  // which would not help
    CHECK(!has(complaint(problem), "--compact"));
    problem.models[0].costs[0][0].weight_bytes = 440;
    problem.cluster.boards[0].memory_bytes = 300;
    CHECK(!has(complaint(problem), "--compact"));
}

TEST_CASE("nothing fits: the board that lacks least and how much") {
    // Ten kernels of 10 KiB: each board lacks the room for its messages.
    const std::string message = complaint(simple(10, 10 * 1024, {50 * 1024, 51 * 1024}));
    CHECK(has(message, "no division of the model into stages fits the 2 boards"));
    CHECK(has(message, "board 'b' lacks least"));
    CAPTURE(message);
    CHECK(has(message, "it would need 62 KiB, and has 51 KiB: 11 KiB short"));
    CHECK(complaint(simple(10, 10 * 1024, {50 * 1024, 61 * 1024})) != "");
    CHECK(complaint(simple(10, 10 * 1024, {50 * 1024, 62 * 1024})) == "");
}

TEST_CASE("restricted modes say what does not fit") {
    Problem problem = simple(10, 10 * 1024, {40 * 1024, 80 * 1024});
    problem.options.mode = Mode::single_board;
    CHECK(has(complaint(problem), "the whole model needs 102 KiB"));
    CHECK(has(complaint(problem), "on board 'b', which has 80 KiB"));
    problem.options.mode = Mode::equal_split;
    CHECK(has(complaint(problem), "kernels 0 to 4 need 51"));
    problem.options.mode = Mode::pipeline;
    CHECK(complaint(problem) == "");
}

TEST_CASE("problems that make no sense are refused with what is wrong") {
    Problem problem = simple(3, 1, {1000, 1000});
    const auto wrong = [&](auto&& change) {
        Problem own = problem;
        change(own);
        return complaint(own, base::Code::invalid_argument);
    };
    CHECK(has(wrong([](Problem& p) { p.models.clear(); }), "no model"));
    CHECK(has(wrong([](Problem& p) { p.models[0].costs.pop_back(); }), "1 rows for 2 boards"));
    CHECK(has(wrong([](Problem& p) { p.models[0].costs[1].pop_back(); }), "on board 'b': 2 entries for 3 kernels"));
    CHECK(has(wrong([](Problem& p) { p.models[0].costs[1][2].seconds = -1; }), "kernel 2 takes -1"));
    CHECK(has(wrong([](Problem& p) { p.options.excluded = {9}; }), "board 9"));
    CHECK(has(wrong([](Problem& p) { p.options.max_credits = 0; }), "credit"));
    CHECK(has(wrong([](Problem& p) { p.options.weights = {1, 2}; }), "2 weights for 1 models"));
    CHECK(has(wrong([](Problem& p) { p.cluster.boards[0].memory_bytes = 0; }), "board 'a'"));
}

TEST_CASE("a graph without operators is handed back by a board") {
    graph::Builder builder("nothing");
    const auto x = builder.input("x", {tensor::ElementType::f32, {13}});
    builder.output("y", x);
    Problem problem = simple(1, 1, {1000, 1000});
    problem.models[0].graph = std::make_shared<graph::Graph>(builder.finish());
    problem.models[0].costs.assign(2, {});
    for (const auto objective : {Objective::latency, Objective::throughput}) {
        problem.objective = objective;
        const Plan plan = make_plan(problem);
        CHECK(plan.root.is_leaf());
        CHECK(plan.prediction.stages[0].send_bytes == 52);
    }
}

TEST_CASE("links that share a medium: the plan with fewer messages wins") {
    Problem problem = simple(8, 1000, {100'000, 100'000, 100'000, 100'000});
    problem.objective = Objective::throughput;
    problem.options.mode = Mode::best;
    // 400 bytes at 200 kB/s: 2 ms a message, 8 ms of compute in all.
    problem.cluster.default_link = {1e-4, 2e5, 3};
    const Plan shared = make_plan(problem);
    CHECK(shared.prediction.requests_per_s <= 1 / 4e-3 * (1 + 1e-9));
    CHECK(shared.prediction.requests_per_s >= 0.95 / 4e-3);
}
