#include "plan/bounds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "plan/pipeline.hpp"

namespace shoal::plan {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLeast = 1e-12;  // seconds of a kernel that is said to take none
constexpr int kRounds = 200;

// Boards that compute alike, as one machine that is so many times as fast; kernels of all models in one row.
struct Machine {
    std::vector<double> seconds;
    double boards = 0;
};

std::vector<Machine> machines_of(const Problem& problem) {
    std::map<std::vector<double>, double> found;
    for (const auto board : allowed_boards(problem)) {
        std::vector<double> row;
        for (const Model& model : problem.models) {
            for (const KernelCost& cost : model.costs[board])
                row.push_back(std::max(cost.seconds, kLeast));
        }
        found[std::move(row)] += 1;
    }
    std::vector<Machine> out;
    for (const auto& [row, boards] : found)
        out.push_back({row, boards});
    return out;
}

struct HubLinks {
    double in_latency = kInfinity, out_latency = kInfinity;  // seconds, the shortest
    double in_rate = 0, out_rate = 0;                        // bytes per second, the fastest; infinity: unknown
    bool one_medium = true;
    double medium_rate = 0;
};

HubLinks hub_links(const Problem& problem) {
    HubLinks out;
    const auto rate = [](const Link& link) { return link.bytes_per_s > 0 ? link.bytes_per_s : kInfinity; };
    const auto boards = allowed_boards(problem);
    const int medium = problem.cluster.from_hub(boards[0]).medium;
    for (const auto board : boards) {
        const Link &to_board = problem.cluster.from_hub(board), &to_hub = problem.cluster.to_hub(board);
        out.out_latency = std::min(out.out_latency, to_board.latency_s);
        out.in_latency = std::min(out.in_latency, to_hub.latency_s);
        out.out_rate = std::max(out.out_rate, rate(to_board));
        out.in_rate = std::max(out.in_rate, rate(to_hub));
        out.medium_rate = std::max({out.medium_rate, rate(to_board), rate(to_hub)});
        out.one_medium = out.one_medium && medium >= 0 && to_board.medium == medium && to_hub.medium == medium;
    }
    return out;
}

struct Bytes {
    double in = 0, out = 0;
};

Bytes request_bytes(const std::vector<Chain>& chains) {
    Bytes out;
    for (const Chain& chain : chains) {
        out.in += static_cast<double>(chain.cut_bytes(0));
        out.out += static_cast<double>(chain.cut_bytes(chain.size()));
    }
    return out;
}

}  // namespace

double latency_bound_s(const Problem& problem, const std::vector<Chain>& chains) {
    const auto machines = machines_of(problem);
    double compute = 0;
    for (std::size_t v = 0; v < machines[0].seconds.size(); ++v) {
        double speed = 0;
        for (const Machine& machine : machines)
            speed += machine.boards / machine.seconds[v];
        compute += 1 / speed;
    }
    const HubLinks links = hub_links(problem);
    const Bytes bytes = request_bytes(chains);
    return links.out_latency + std::max({compute, bytes.in / links.out_rate, bytes.out / links.in_rate}) +
           links.in_latency;
}

// For any prices per second of each machine's time, a request costs at least what its kernels cost where they are
// cheapest, and a second of all machines costs the sum of the prices. Raising the price of who is asked too much
// (multiplicative weights) brings that close to the linear program's value.
double compute_rate_bound(const Problem& problem, const std::vector<Chain>&) {
    const auto machines = machines_of(problem);
    const std::size_t kernels = machines[0].seconds.size();
    std::vector<double> price, load(machines.size());
    for (const Machine& machine : machines) {
        double total = 0;
        for (const double seconds : machine.seconds)
            total += seconds;
        price.push_back(machine.boards / std::max(total, kLeast));
    }
    double best = kInfinity;
    for (int round = 0; round < kRounds; ++round) {
        double budget = 0, cost = 0;
        for (const double p : price)
            budget += p;
        std::fill(load.begin(), load.end(), 0);
        for (std::size_t v = 0; v < kernels; ++v) {
            double least = kInfinity;
            std::size_t cheapest = 0;
            for (std::size_t i = 0; i < machines.size(); ++i) {
                const double own = price[i] * machines[i].seconds[v] / machines[i].boards;
                if (own < least) least = own, cheapest = i;
            }
            cost += least;
            load[cheapest] += machines[cheapest].seconds[v] / machines[cheapest].boards;
        }
        if (cost > 0) best = std::min(best, budget / cost);
        const double mean = cost / budget, pace = 0.5 / std::sqrt(round + 1.0);
        for (std::size_t i = 0; i < machines.size(); ++i)
            price[i] = price[i] / budget * std::exp(pace * std::clamp(load[i] / mean - 1, -1.0, 3.0));
        if (machines.size() == 1) break;
    }
    return best;
}

double ingest_rate_bound(const Problem& problem, const std::vector<Chain>& chains) {
    const HubLinks links = hub_links(problem);
    const Bytes bytes = request_bytes(chains);
    double out = kInfinity;
    if (bytes.in > 0) out = std::min(out, links.out_rate / bytes.in);
    if (bytes.out > 0) out = std::min(out, links.in_rate / bytes.out);
    if (links.one_medium && bytes.in + bytes.out > 0) out = std::min(out, links.medium_rate / (bytes.in + bytes.out));
    return out;
}

double rate_bound(const Problem& problem, const std::vector<Chain>& chains) {
    return std::min(compute_rate_bound(problem, chains), ingest_rate_bound(problem, chains));
}

}  // namespace shoal::plan
