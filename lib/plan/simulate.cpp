#include "plan/simulate.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <numeric>
#include <queue>
#include <random>

#include "plan/traffic.hpp"

namespace shoal::plan {

using base::Code;
using base::fail;

namespace {

constexpr std::uint32_t kNone = ~std::uint32_t{0};

enum class What : std::uint8_t { request, arrived, computed, sent, credit, answered, died, noticed };

struct Event {
    double time;
    std::uint64_t order;  // of making: ties go to the older
    What what;
    std::uint32_t at;  // stage, route or board
    std::uint32_t job, attempt;

    bool operator>(const Event& other) const noexcept {
        return time > other.time || (time == other.time && order > other.order);
    }
};

struct Job {
    double start = 0;
    std::uint32_t waits_for = 0;  // routes that have not answered
    std::vector<std::uint32_t> routes{};
    std::uint32_t attempt = 0;
    bool over = false;
};

struct Waiting {
    std::uint32_t job, attempt;
    std::uint64_t order;
};

class Simulation {
public:
    Simulation(const Traffic& traffic, const SimulationOptions& options)
        : traffic_(traffic),
          options_(options),
          random_(options.seed),
          stages_(traffic.stages.size()),
          outboxes_(traffic.routes.size()),
          busy_(traffic.boards.size(), false),
          busy_s_(traffic.boards.size(), 0),
          alive_(traffic.boards.size(), true),
          noticed_(traffic.boards.size(), false),
          free_at_(traffic.resources, 0),
          dealers_(traffic.splits.size()) {
        for (StageState& stage : stages_)
            stage.credits = stage.outputs = traffic.credits;
        for (std::size_t i = 0; i < traffic.splits.size(); ++i) {
            const TrafficSplit& split = traffic.splits[i];
            for (std::uint32_t child = 0; split.deals && child < split.children.size(); ++child) {
                if (split.shares[child] > 0) dealers_[i].emplace(1 / split.shares[child], child);
            }
        }
    }

    SimulationResult run() {
        for (const BoardLoss& loss : options_.losses) {
            const std::uint32_t board = traffic_.board_index(loss.board);
            if (board != kNone) push(loss.at_s, What::died, board, 0, 0);
        }
        jobs_.resize(options_.requests);
        if (options_.arrivals_per_s > 0) {
            push(0, What::request, 0, 0, 0);
        } else {
            const std::uint64_t flight = options_.in_flight != 0 ? options_.in_flight : traffic_.natural_flight();
            to_begin_ = std::min(flight, options_.requests);
            begin_wanted();
        }
        while (!events_.empty() && over_ < options_.requests) {
            const Event event = events_.top();
            events_.pop();
            ++result_.events;
            now_ = event.time;
            handle(event);
            begin_wanted();
        }
        return summary();
    }

private:
    struct StageState {
        std::uint32_t credits = 0;  // that its sender holds
        std::uint32_t outputs = 0;  // places for results that are free
        std::deque<Waiting> inbox{}, outbox{};
    };

    void push(double time, What what, std::uint32_t at, std::uint32_t job, std::uint32_t attempt) {
        events_.push({time, made_++, what, at, job, attempt});
    }

    void handle(const Event& event) {
        switch (event.what) {
            case What::request: arrive_from_outside(); break;
            case What::arrived:
                stages_[event.at].inbox.push_back({event.job, event.attempt, event.order});
                start(traffic_.stages[event.at].board);
                break;
            case What::computed: computed(event); break;
            case What::sent:
                ++stages_[event.at].outputs;
                start(traffic_.stages[event.at].board);
                break;
            case What::credit:
                ++stages_[event.at].credits;
                send_to(event.at);
                break;
            case What::answered: answered(event); break;
            case What::died:
                alive_[event.at] = false;
                push(now_ + options_.detection_s, What::noticed, event.at, 0, 0);
                break;
            case What::noticed: repeat_lost(event.at); break;
        }
    }

    void arrive_from_outside() {
        begin();
        if (begun_ < options_.requests) push(now_ + 1 / options_.arrivals_per_s, What::request, 0, 0, 0);
    }

    // One after the other, not each inside the end of another: when nothing is left that answers, all of them end here.
    void begin_wanted() {
        for (; to_begin_ > 0 && begun_ < options_.requests; --to_begin_)
            begin();
    }

    void begin() {
        const auto job = static_cast<std::uint32_t>(begun_++);
        jobs_[job].start = now_;
        dispatch(job);
    }

    void dispatch(std::uint32_t job) {
        chosen_.clear();
        if (!choose(traffic_.root)) {
            ++result_.failed;
            finish(job);
            return;
        }
        jobs_[job].routes = chosen_;
        jobs_[job].waits_for = static_cast<std::uint32_t>(chosen_.size());
        for (const auto route : jobs_[job].routes) {
            outboxes_[route].push_back({job, jobs_[job].attempt, made_});
            send_to(traffic_.routes[route].first_stage);
        }
    }

    // Collects the routes that answer one request; false when a part of the plan that it needs is dead.
    bool choose(const TrafficPart& part) {
        if (part.route != kNone) {
            chosen_.push_back(part.route);
            return !touches_lost(part.route);
        }
        const TrafficSplit& split = traffic_.splits[part.split];
        if (!split.deals) {
            return std::all_of(split.children.begin(), split.children.end(),
                               [&](const TrafficPart& child) { return choose(child); });
        }
        // Dealt by share: the child whose turn comes next in its own even rhythm.
        auto& dealer = dealers_[part.split];
        while (!dealer.empty()) {
            const auto [turn, child] = dealer.top();
            dealer.pop();
            const std::size_t before = chosen_.size();
            if (!choose(split.children[child])) {
                chosen_.resize(before);
                continue;  // dead parts are dealt no more
            }
            dealer.emplace(turn + 1 / split.shares[child], child);
            return true;
        }
        return false;
    }

    [[nodiscard]] bool touches_lost(std::uint32_t route) const {
        const TrafficRoute& r = traffic_.routes[route];
        for (std::uint32_t s = r.first_stage; s < r.first_stage + r.stages; ++s) {
            if (noticed_[traffic_.stages[s].board]) return true;
        }
        return false;
    }

    // Sends what waits for a stage, as far as its credits go.
    void send_to(std::uint32_t stage) {
        const TrafficStage& to = traffic_.stages[stage];
        auto& queue = to.first ? outboxes_[to.route] : stages_[stage - 1].outbox;
        while (stages_[stage].credits > 0 && !queue.empty()) {
            if (!to.first && !alive_[traffic_.stages[stage - 1].board]) return;
            const Waiting next = queue.front();
            queue.pop_front();
            --stages_[stage].credits;
            const double end = occupy(to.in);
            if (!to.first) push(end, What::sent, stage - 1, next.job, next.attempt);
            if (alive_[to.board]) push(end + to.in.latency_s, What::arrived, stage, next.job, next.attempt);
        }
    }

    // Takes the wire as soon as all of it is free; returns when the last byte has left.
    double occupy(const TrafficHop& hop) {
        double begin = now_;
        for (const auto& use : hop.uses)
            begin = std::max(begin, free_at_[use.resource]);
        for (const auto& use : hop.uses)
            free_at_[use.resource] = begin + use.seconds;
        return begin + hop.wire_s;
    }

    // Starts the oldest input of the board that has a place for its result.
    void start(std::uint32_t board) {
        if (busy_[board] || !alive_[board]) return;
        std::uint32_t best = kNone;
        for (const auto stage : traffic_.boards[board].stages) {
            const StageState& state = stages_[stage];
            if (state.inbox.empty() || state.outputs == 0) continue;
            if (best == kNone || state.inbox.front().order < stages_[best].inbox.front().order) best = stage;
        }
        if (best == kNone) return;
        const Waiting job = stages_[best].inbox.front();
        stages_[best].inbox.pop_front();
        --stages_[best].outputs;
        busy_[board] = true;
        double seconds = traffic_.stages[best].compute_s;
        if (options_.jitter > 0) seconds *= 1 + options_.jitter * (2 * random_unit() - 1);
        busy_s_[board] += seconds;
        push(now_ + seconds, What::computed, best, job.job, job.attempt);
    }

    // Alike on every machine, as std::uniform_real_distribution is not.
    double random_unit() { return static_cast<double>(random_() >> 11) * 0x1.0p-53; }

    void computed(const Event& event) {
        const TrafficStage& stage = traffic_.stages[event.at];
        if (!alive_[stage.board]) return;
        busy_[stage.board] = false;
        push(now_ + stage.in.back_latency_s, What::credit, event.at, 0, 0);
        if (stage.last) {
            const double end = occupy(stage.home);
            push(end, What::sent, event.at, event.job, event.attempt);
            push(end + stage.home.latency_s, What::answered, stage.route, event.job, event.attempt);
        } else {
            stages_[event.at].outbox.push_back({event.job, event.attempt, event.order});
            send_to(event.at + 1);
        }
        start(stage.board);
    }

    void answered(const Event& event) {
        Job& job = jobs_[event.job];
        if (job.over || job.attempt != event.attempt || --job.waits_for > 0) return;
        answers_.push_back(now_);
        latencies_.push_back(now_ - job.start);
        finish(event.job);
    }

    void finish(std::uint32_t job) {
        jobs_[job].over = true;
        ++over_;
        if (options_.arrivals_per_s <= 0) ++to_begin_;
    }

    // Requests that were under way on a route of the board start again.
    void repeat_lost(std::uint32_t board) {
        noticed_[board] = true;
        const std::uint64_t begun = begun_;
        for (std::uint32_t job = 0; job < begun; ++job) {
            const auto& routes = jobs_[job].routes;
            const bool hit = std::any_of(routes.begin(), routes.end(), [&](auto route) { return touches_lost(route); });
            if (jobs_[job].over || !hit) continue;
            ++jobs_[job].attempt;
            ++result_.repeated;
            dispatch(job);
        }
    }

    SimulationResult summary() {
        result_.answered = answers_.size();
        result_.seconds = answers_.empty() ? 0 : answers_.back();
        const std::size_t first = answers_.size() / 4, last = answers_.size() - 1 - answers_.size() / 4;
        if (answers_.size() > 3 && answers_[last] > answers_[first])
            result_.requests_per_s = static_cast<double>(last - first) / (answers_[last] - answers_[first]);
        if (!latencies_.empty()) {
            result_.latency_mean_s =
                std::accumulate(latencies_.begin(), latencies_.end(), 0.0) / static_cast<double>(latencies_.size());
            std::sort(latencies_.begin(), latencies_.end());
            result_.latency_p50_s = latencies_[latencies_.size() / 2];
            result_.latency_p99_s = latencies_[latencies_.size() * 99 / 100];
            result_.latency_max_s = latencies_.back();
        }
        result_.busy.assign(traffic_.cluster_boards, 0);
        for (std::size_t b = 0; b < traffic_.boards.size(); ++b) {
            if (result_.seconds > 0)
                result_.busy[traffic_.boards[b].board] = std::min(1.0, busy_s_[b] / result_.seconds);
        }
        return std::move(result_);
    }

    using Turn = std::pair<double, std::uint32_t>;
    using Dealer = std::priority_queue<Turn, std::vector<Turn>, std::greater<>>;

    const Traffic& traffic_;
    const SimulationOptions& options_;
    std::mt19937_64 random_;
    std::vector<StageState> stages_;
    std::vector<std::deque<Waiting>> outboxes_;  // of the hub, one a route
    std::vector<bool> busy_;
    std::vector<double> busy_s_;
    std::vector<bool> alive_, noticed_;
    std::vector<double> free_at_;
    std::vector<Dealer> dealers_;
    std::vector<Job> jobs_;
    std::vector<std::uint32_t> chosen_;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
    std::vector<double> answers_, latencies_;
    std::uint64_t made_ = 0, begun_ = 0, to_begin_ = 0, over_ = 0;
    double now_ = 0;
    SimulationResult result_;
};

void check(const SimulationOptions& options, const Cluster& cluster) {
    if (options.requests == 0 || options.requests > std::numeric_limits<std::uint32_t>::max() / 2)
        fail(Code::invalid_argument, "a simulation of ", options.requests, " requests");
    if (!(options.jitter >= 0 && options.jitter < 1))
        fail(Code::invalid_argument, "jitter is ", options.jitter, "; it must be at least 0 and below 1");
    if (!std::isfinite(options.arrivals_per_s) || !(options.detection_s >= 0))
        fail(Code::invalid_argument, "arrivals at ", options.arrivals_per_s, " per second, detection after ",
             options.detection_s, " s");
    for (const auto& loss : options.losses) {
        if (loss.board >= cluster.boards.size() || !(loss.at_s >= 0))
            fail(Code::invalid_argument, "board ", loss.board, " of ", cluster.boards.size(), " dies at ", loss.at_s,
                 " s");
    }
}

}  // namespace

SimulationResult simulate(const Flow& flow, const Cluster& cluster, std::uint32_t credits,
                          const SimulationOptions& options) {
    check(options, cluster);
    return Simulation(Traffic(flow, cluster, credits), options).run();
}

SimulationResult simulate(const Problem& problem, const Plan& plan, const SimulationOptions& options) {
    return simulate(flow_of(problem, make_chains(problem), plan), problem.cluster, plan.credits, options);
}

double simulated_latency_s(const Flow& flow, const Cluster& cluster) {
    SimulationOptions one;
    one.requests = one.in_flight = 1;
    return simulate(flow, cluster, 1, one).latency_max_s;
}

}  // namespace shoal::plan
