#include "plan/instances.hpp"

#include <algorithm>
#include <numeric>

#include "graph/builder.hpp"

namespace shoal::test {

using graph::Builder;
using graph::Shape;
using graph::ValueId;
using plan::Pipeline;
using plan::Problem;

namespace {

int pick(std::mt19937& random, int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
}
double uniform(std::mt19937& random, double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
}

ValueId weights(Builder& builder, std::int64_t rows, std::int64_t columns) {
    return builder.constant(tensor::Tensor(tensor::Type{tensor::ElementType::f32, Shape{rows, columns}}));
}

}  // namespace

graph::Graph random_graph(std::mt19937& random, const RandomGraph& what) {
    Builder builder("random");
    std::vector<ValueId> values{builder.input("x", {tensor::ElementType::f32, {what.rows, pick(random, 1, 24)}})};
    if (what.skips) values.push_back(builder.input("late", {tensor::ElementType::f32, {what.rows, 3}}));
    std::vector<ValueId> constants;
    ValueId last = values[0];
    int early = what.skips && pick(random, 0, 2) == 0 ? pick(random, 0, what.kernels - 1) : -1;
    for (int k = 0; k < what.kernels; ++k) {
        builder.set_origin("op" + std::to_string(k));
        const auto same_shape = [&](ValueId id) { return id != last && builder.shape(id) == builder.shape(last); };
        const auto skip = std::find_if(values.begin(), values.end(), same_shape);
        const auto known = std::find_if(constants.begin(), constants.end(),
                                        [&](ValueId id) { return builder.shape(id)[0] == builder.shape(last)[1]; });
        if (what.skips && skip != values.end() && pick(random, 0, 1) == 0) {
            last = builder.map("add", {last, *skip});
        } else if (what.skips && known != constants.end() && pick(random, 0, 2) == 0) {
            last = builder.matmul(last, *known);
        } else if (pick(random, 0, 4) == 0) {
            last = builder.map("relu", {last});
        } else {
            constants.push_back(
                weights(builder, builder.shape(last)[1], pick(random, 0, 3) == 0 ? 3 : pick(random, 1, 24)));
            last = builder.matmul(last, constants.back());
        }
        values.push_back(last);
        if (k == early) builder.output("early", last);
    }
    builder.output("y", last);
    graph::Graph out = builder.finish();
    if (what.fused) {
        for (std::size_t i = 1; i < out.ops.size(); ++i)
            out.ops[i].group = out.ops[i - 1].group + (pick(random, 0, 5) == 0 ? 0 : 1);
    }
    return out;
}

namespace {

// Links to the hub by kind of board, and between boards by both kinds, if they are to be unlike at all.
void unlike_links(std::mt19937& random, const RandomCluster& what, int kinds, plan::Cluster& cluster) {
    const auto count = static_cast<std::size_t>(kinds);
    std::vector<plan::Link> hub, between;
    for (std::size_t q = 0; q < count; ++q)
        hub.push_back({what.latency_s * uniform(random, 0.5, 2), what.bytes_per_s * uniform(random, 0.5, 4), -1});
    for (std::size_t i = 0; i < count * count; ++i)
        between.push_back(
            {what.latency_s * uniform(random, 0.2, 3), what.bytes_per_s * std::exp2(uniform(random, -4, 2)), -1});
    for (std::size_t b = 1; b <= cluster.boards.size(); ++b) {
        plan::set_link(cluster, 0, b, hub[(b - 1) % count]);
        for (std::size_t other = 1; other <= cluster.boards.size() && what.unlike_links; ++other) {
            if (other != b) cluster.links[b][other] = between[(b - 1) % count * count + (other - 1) % count];
        }
    }
}

}  // namespace

Problem random_problem(std::mt19937& random, const RandomGraph& graph, const RandomCluster& what) {
    Problem out;
    out.models.push_back({std::make_shared<graph::Graph>(random_graph(random, graph)), {}});
    const plan::Chain chain(*out.models[0].graph);
    const int kinds = what.kinds == 0 ? what.boards : what.kinds;
    const plan::Link usual{what.latency_s, what.bytes_per_s, -1};
    out.cluster.default_link = usual;
    std::vector<plan::CostTable::value_type> rows;
    std::vector<double> work, weights;
    for (std::uint32_t k = 0; k < chain.size(); ++k) {
        work.push_back(uniform(random, 2e-4, 2e-3));
        weights.push_back(uniform(random, 0, 4000));
    }
    for (int q = 0; q < kinds; ++q) {
        const double speed = std::exp2(uniform(random, 0, 3));
        rows.emplace_back();
        for (std::uint32_t k = 0; k < chain.size(); ++k)
            rows.back().push_back({work[k] * speed * uniform(random, 0.5, 1.5),
                                   chain.constant_bytes(k) + static_cast<std::uint64_t>(weights[k]),
                                   static_cast<std::uint64_t>(pick(random, 0, 300)), true});
    }
    std::vector<std::uint64_t> memory;
    for (int q = 0; q < kinds; ++q) {
        const auto whole = plan::stage_memory(chain, rows[static_cast<std::size_t>(q)], 0, chain.size(), 2).total();
        memory.push_back(static_cast<std::uint64_t>(static_cast<double>(whole) *
                                                    uniform(random, what.memory_low, what.memory_high)) +
                         1);
    }
    for (int b = 0; b < what.boards; ++b) {
        const auto q = static_cast<std::size_t>(b % kinds);
        plan::Board board;
        board.name = "board" + std::to_string(b);
        board.memory_bytes = memory[q];
        out.cluster.boards.push_back(board);
        out.models[0].costs.push_back(rows[q]);
    }
    if (kinds == what.boards || what.unlike_links) unlike_links(random, what, kinds, out.cluster);
    return out;
}

void every_pipeline(const plan::Chain& chain, const std::vector<std::uint32_t>& boards,
                    const std::function<void(const Pipeline&)>& visit) {
    Pipeline pipeline;
    std::vector<bool> taken(boards.size(), false);
    const std::function<void(std::uint32_t)> go = [&](std::uint32_t first) {
        if (first == chain.size()) {
            visit(pipeline);
            return;
        }
        for (std::size_t b = 0; b < boards.size(); ++b) {
            if (taken[b]) continue;
            taken[b] = true;
            for (std::uint32_t last = first + 1; last <= chain.size(); ++last) {
                pipeline.push_back({boards[b], first, last});
                go(last);
                pipeline.pop_back();
            }
            taken[b] = false;
        }
    };
    go(0);
}

bool fits(const plan::Chain& chain, const Problem& problem, const Pipeline& pipeline, std::uint32_t credits) {
    return std::all_of(pipeline.begin(), pipeline.end(), [&](const plan::Stage& stage) {
        return plan::stage_memory(chain, problem.models[0].costs[stage.board], stage.first, stage.last, credits)
                   .total() <= problem.cluster.boards[stage.board].memory_bytes;
    });
}

std::optional<double> least(const plan::Chain& chain, const Problem& problem, std::uint32_t credits,
                            const std::function<double(const Pipeline&)>& value) {
    std::optional<double> best;
    every_pipeline(chain, plan::allowed_boards(problem), [&](const Pipeline& pipeline) {
        const double own = value(pipeline);
        if ((!best || own < *best) && fits(chain, problem, pipeline, credits)) best = own;
    });
    return best;
}

}  // namespace shoal::test
