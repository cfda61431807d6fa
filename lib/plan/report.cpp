#include "plan/report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

#include "base/error.hpp"
#include "base/units.hpp"
#include "graph/graph.hpp"
#include "plan/kernels.hpp"

namespace shoal::plan {
namespace {

using base::format_bytes;
using base::format_ms;
using base::text;
using Lines = std::vector<std::string>;

constexpr std::size_t kBar = 24, kLongestName = 24, kMostBranches = 12;

std::string number(double value) {
    std::array<char, 32> buffer{};
    std::snprintf(buffer.data(), buffer.size(), value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f", value);
    return buffer.data();
}

std::string seconds(double s) {
    return format_ms(s * 1e3);
}

std::string plural(std::size_t count, std::string_view what) {
    return text(count, ' ', what, count == 1 ? "" : "s");
}

std::string padded(std::string_view value, std::size_t width) {
    return std::string(width - std::min(width, value.size()), ' ') + std::string(value);
}

class Reporter {
public:
    Reporter(const Problem& problem, const Plan& plan, const ReportOptions& options)
        : problem_(problem), plan_(plan), options_(options), width_(std::max<std::size_t>(options.width, 40)) {
        for (const Model& model : problem.models)
            kernels_.push_back(graph::groups(*model.graph));
    }

    Lines all() {
        add(text("plan for ", plan_.objective == Objective::latency ? "latency" : "throughput", ": ", summary()));
        const Prediction& p = plan_.prediction;
        add(text("  latency     ", seconds(p.latency_s), " a request (no plan below ", seconds(p.latency_bound_s),
                 ")"));
        add(text("  throughput  ", number(p.requests_per_s), " requests/s (no plan above ",
                 number(p.requests_per_s_bound), ")"));
        if (p.gap < 1e-6)
            add("  proven      no plan of these kinds serves the objective better");
        else if (p.gap < 10)
            add(text("  proven      no plan of these kinds is better by more than ", number(p.gap * 100), " %"));
        add("");
        for (auto& line : drawing())
            lines_.push_back(std::move(line));
        const auto& stages = p.stages;
        for (std::size_t i = 0; i < std::min(stages.size(), options_.most_stages); ++i)
            stage(stages[i], i);
        if (stages.size() > options_.most_stages)
            add(text("... and ", plural(stages.size() - options_.most_stages, "stage"), " more"));
        if (stages.size() > 1) boards();
        return std::move(lines_);
    }

    Lines drawing() {
        Lines out;
        next_ = 0;
        branch(plan_.root, "", out);
        return out;
    }

private:
    void add(std::string line) { lines_.push_back(shortened(line, width_)); }

    [[nodiscard]] std::string board(std::uint32_t index) const {
        return shortened(problem_.cluster.boards.at(index).name, kLongestName);
    }

    [[nodiscard]] std::string summary() const {
        std::vector<std::uint32_t> boards;
        for (const Work& work : leaves(plan_.root))
            boards.push_back(work.board);
        const std::size_t stages = boards.size();
        std::sort(boards.begin(), boards.end());
        boards.erase(std::unique(boards.begin(), boards.end()), boards.end());
        std::string out = text(plural(stages, "stage"), " on ", boards.size(), " of ",
                               plural(problem_.cluster.boards.size(), "board"));
        if (!plan_.root.is_leaf() && plan_.root.axis != Axis::operators)
            out += text(", split by ", name(plan_.root.axis), " (", name(plan_.root.merge), ")");
        return out + text(", ", plural(plan_.credits, "credit"));
    }

    // One line for a leaf or a pipeline; a heading and a line each for what is split otherwise.
    void branch(const Node& node, const std::string& indent, Lines& out) {
        if (node.is_leaf() || node.axis == Axis::operators) {
            way(node, indent, out);
            return;
        }
        out.push_back(indent + heading(node));
        for (std::size_t i = 0; i < node.children.size(); ++i) {
            if (i == kMostBranches) {
                out.push_back(text(indent, "  ... and ", node.children.size() - i, " more"));
                for (; i < node.children.size(); ++i)
                    next_ += leaves(node.children[i]).size();
                return;
            }
            std::string label = i < node.shares.size() ? padded(number(node.shares[i] * 100), 6) + " %  " : "  ";
            if (node.axis == Axis::models && i < node.weights.size()) label = text("  weight ", node.weights[i], "  ");
            branch(node.children[i], indent + label, out);
        }
    }

    [[nodiscard]] static std::string heading(const Node& node) {
        switch (node.axis) {
            case Axis::requests: return text("each request to one of ", plural(node.children.size(), "replica"), ":");
            case Axis::batch: return text("each batch in ", plural(node.children.size(), "part"), ":");
            case Axis::models: return text("each request to all of ", plural(node.children.size(), "model"), ":");
            case Axis::operators: break;
        }
        return "";
    }

    void way(const Node& node, const std::string& indent, Lines& out) {
        std::vector<std::string> parts{"hub"};
        const auto works = leaves(node);
        for (std::size_t i = 0; i < works.size(); ++i, ++next_) {
            const bool known = next_ < plan_.prediction.stages.size();
            const auto* const stage = known ? &plan_.prediction.stages[next_] : nullptr;
            parts.push_back(text(arrow(stage == nullptr ? 0 : stage->receive_bytes), board(works[i].board)));
            if (i + 1 == works.size()) parts.push_back(text(arrow(stage == nullptr ? 0 : stage->send_bytes), "hub"));
        }
        std::string line = indent;
        const std::string hanging(indent.size() + 2, ' ');
        for (std::size_t i = 0; i < parts.size(); ++i) {
            if (i > 0 && line.size() + 1 + parts[i].size() > width_) {
                out.push_back(shortened(line, width_));
                line = hanging + parts[i];
            } else {
                line += (i > 0 ? " " : "") + parts[i];
            }
        }
        out.push_back(shortened(line, width_));
    }

    [[nodiscard]] static std::string arrow(std::uint64_t bytes) { return text("=", format_bytes(bytes), "=> "); }

    void stage(const StagePrediction& stage, std::size_t index) {
        const Work& work = stage.work;
        add("");
        add(text("stage ", index + 1, " on ", board(work.board), ": ", operators(work)));
        add(text("  compute  ", padded(seconds(stage.compute_s), 9), "   receive ", padded(seconds(stage.receive_s), 9),
                 ' ', padded(format_bytes(stage.receive_bytes), 9), "   send ", padded(seconds(stage.send_s), 9), ' ',
                 padded(format_bytes(stage.send_bytes), 9)));
        add(text("  memory   ", memory_bar(stage.memory_bytes, stage.memory_limit, kBar), ' ',
                 format_bytes(stage.memory_bytes), " of ", format_bytes(stage.memory_limit)));
    }

    void boards() {
        const auto boards = memory_by_board(plan_.prediction);
        std::size_t widest = 0;
        for (const auto& one : boards)
            widest = std::max(widest, board(one.board).size());
        add("");
        add("memory by board");
        for (std::size_t i = 0; i < std::min(boards.size(), options_.most_stages); ++i) {
            const auto& one = boards[i];
            std::string name = board(one.board);
            name.resize(widest, ' ');
            add(text("  ", name, "  ", memory_bar(one.memory_bytes, one.memory_limit, kBar / 2), ' ',
                     format_bytes(one.memory_bytes), " of ", format_bytes(one.memory_limit), ", ",
                     plural(one.stages, "stage")));
        }
        if (boards.size() > options_.most_stages)
            add(text("... and ", plural(boards.size() - options_.most_stages, "board"), " more"));
    }

    // "12 of 24 kernels, conv1 .. layer2.add"
    [[nodiscard]] std::string operators(const Work& work) const {
        const auto& kernels = kernels_.at(work.model);
        const graph::Graph& graph = *problem_.models[work.model].graph;
        std::string out;
        if (problem_.models.size() > 1) out = text("model '", shortened(graph.name, kLongestName), "', ");
        if (work.first_group >= work.last_group || work.last_group > kernels.size()) return out + "no kernels";
        out += text(work.last_group - work.first_group, " of ", plural(kernels.size(), "kernel"), ", ",
                    shortened(kernel_name(graph, kernels[work.first_group]), kLongestName));
        if (work.last_group - work.first_group > 1)
            out += " .. " + shortened(kernel_name(graph, kernels[work.last_group - 1]), kLongestName);
        return out;
    }

    const Problem& problem_;
    const Plan& plan_;
    const ReportOptions& options_;
    std::size_t width_, next_ = 0;
    std::vector<std::vector<graph::GroupRange>> kernels_;
    Lines lines_;
};

}  // namespace

std::vector<BoardMemory> memory_by_board(const Prediction& prediction) {
    std::map<std::uint32_t, BoardMemory> boards;
    for (const auto& stage : prediction.stages) {
        auto& own = boards[stage.work.board];
        own.board = stage.work.board;
        ++own.stages;
        own.memory_bytes += stage.memory_bytes;
        own.memory_limit = stage.memory_limit;
    }
    std::vector<BoardMemory> out;
    for (const auto& [board, own] : boards)
        out.push_back(own);
    return out;
}

std::string shortened(std::string_view text, std::size_t width) {
    if (text.size() <= width) return std::string(text);
    if (width < 3) return std::string(text.substr(0, width));
    const std::size_t tail = (width - 2) / 2, head = width - 2 - tail;
    return std::string(text.substr(0, head)) + ".." + std::string(text.substr(text.size() - tail));
}

std::string memory_bar(std::uint64_t used, std::uint64_t limit, std::size_t width) {
    const std::size_t inside = width - std::min<std::size_t>(width, 2);
    const double part = limit == 0 ? 1 : std::min(1.0, static_cast<double>(used) / static_cast<double>(limit));
    const auto full = static_cast<std::size_t>(part * static_cast<double>(inside));
    return "[" + std::string(full, '#') + std::string(inside - full, '.') + "]";
}

Lines draw(const Problem& problem, const Plan& plan, const ReportOptions& options) {
    return Reporter(problem, plan, options).drawing();
}

Lines report(const Problem& problem, const Plan& plan, const ReportOptions& options) {
    return Reporter(problem, plan, options).all();
}

}  // namespace shoal::plan
