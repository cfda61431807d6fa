#include "plan/predict.hpp"

#include <algorithm>

#include "plan/bounds.hpp"
#include "plan/simulate.hpp"

namespace shoal::plan {
namespace {

constexpr double kShortest = 1e-12;

// Seconds that one request, on average, keeps everything busy.
class Loads {
public:
    explicit Loads(const Traffic& traffic)
        : traffic_(traffic), boards_(traffic.boards.size(), 0), wires_(traffic.resources, 0) {
        add(traffic.root, 1);
    }

    [[nodiscard]] double largest() const {
        double out = std::max(paced_, kShortest);
        for (const double load : boards_)
            out = std::max(out, load);
        for (const double load : wires_)
            out = std::max(out, load);
        return out;
    }

private:
    void add(const TrafficPart& part, double weight) {
        if (part.route != ~std::uint32_t{0}) {
            add_route(traffic_.routes[part.route], weight);
            return;
        }
        const TrafficSplit& split = traffic_.splits[part.split];
        double whole = 0;
        for (const double share : split.shares)
            whole += share;
        for (std::size_t i = 0; i < split.children.size(); ++i)
            add(split.children[i], split.deals ? weight * split.shares[i] / whole : weight);
    }

    void add_route(const TrafficRoute& route, double weight) {
        for (std::uint32_t s = route.first_stage; s < route.first_stage + route.stages; ++s) {
            const TrafficStage& stage = traffic_.stages[s];
            boards_[stage.board] += weight * stage.compute_s;
            use(stage.in, weight);
            if (stage.last) use(stage.home, weight);
            const double way = stage.in.latency_s + stage.in.wire_s + stage.in.back_latency_s;
            const double send = stage.last ? stage.home.wire_s : traffic_.stages[s + 1].in.wire_s;
            // As in pipeline_period_s, of the requests that come this way.
            const double pace = traffic_.credits < 2 ? stage.compute_s + std::max(way, send)
                                                     : way / static_cast<double>(traffic_.credits - 1);
            paced_ = std::max(paced_, weight * pace);
        }
    }

    void use(const TrafficHop& hop, double weight) {
        for (const WireUse& use : hop.uses)
            wires_[use.resource] += weight * use.seconds;
    }

    const Traffic& traffic_;
    std::vector<double> boards_, wires_;
    double paced_ = 0;
};

void add_stages(const Flow& flow, const Cluster& cluster, std::vector<StagePrediction>& out) {
    for (std::size_t k = 0; k < flow.stages.size(); ++k) {
        const FlowStage& stage = flow.stages[k];
        const std::size_t own = stage.work.board + std::size_t{1};
        const std::size_t before = k == 0 ? 0 : flow.stages[k - 1].work.board + std::size_t{1};
        const std::size_t after = k + 1 == flow.stages.size() ? 0 : flow.stages[k + 1].work.board + std::size_t{1};
        StagePrediction prediction;
        prediction.work = stage.work;
        prediction.compute_s = stage.compute_s;
        prediction.receive_bytes = stage.in_bytes;
        prediction.send_bytes = stage.out_bytes;
        prediction.receive_s = cluster.link(before, own).seconds(static_cast<double>(stage.in_bytes));
        prediction.send_s = cluster.link(own, after).seconds(static_cast<double>(stage.out_bytes));
        prediction.memory_bytes = stage.memory_bytes;
        prediction.memory_limit = cluster.boards[stage.work.board].memory_bytes;
        out.push_back(prediction);
    }
    for (const Flow& child : flow.children)
        add_stages(child, cluster, out);
}

}  // namespace

double predicted_rate(const Traffic& traffic) {
    return 1 / Loads(traffic).largest();
}

double predicted_latency_s(const Flow& flow, const Cluster& cluster) {
    double out = 0;
    if (!flow.stages.empty()) {
        std::size_t before = 0;
        for (const FlowStage& stage : flow.stages) {
            const std::size_t own = stage.work.board + std::size_t{1};
            out += cluster.link(before, own).seconds(static_cast<double>(stage.in_bytes)) + stage.compute_s;
            before = own;
        }
        return out + cluster.link(before, 0).seconds(static_cast<double>(flow.stages.back().out_bytes));
    }
    if (flow.axis != Axis::requests) return simulated_latency_s(flow, cluster);
    for (const Flow& child : flow.children)
        out = std::max(out, predicted_latency_s(child, cluster));
    return out;
}

Prediction predict(const Problem& problem, const std::vector<Chain>& chains, const Plan& plan) {
    const Flow flow = flow_of(problem, chains, plan);
    Prediction out;
    out.latency_s = predicted_latency_s(flow, problem.cluster);
    out.requests_per_s = predicted_rate(Traffic(flow, problem.cluster, plan.credits));
    out.latency_bound_s = latency_bound_s(problem, chains);
    out.requests_per_s_bound = rate_bound(problem, chains);
    add_stages(flow, problem.cluster, out.stages);
    return out;
}

std::vector<std::uint64_t> memory_by_board(const Flow& flow, const Cluster& cluster) {
    std::vector<std::uint64_t> out(cluster.boards.size(), 0);
    for (const FlowStage* stage : stages_of(flow))
        out[stage->work.board] += stage->memory_bytes;
    return out;
}

}  // namespace shoal::plan
