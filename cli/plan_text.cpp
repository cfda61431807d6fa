#include "cli/plan_text.hpp"

#include <nlohmann/json.hpp>

#include "cli/text.hpp"
#include "plan/report.hpp"

namespace shoal::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string name_of(const std::vector<std::string>& boards, std::uint32_t board) {
    return board < boards.size() ? boards[board] : std::to_string(board);
}

Json node_json(const plan::Node& node, const std::vector<std::string>& boards) {
    if (node.is_leaf()) {
        return {{"board", name_of(boards, node.work.board)},
                {"model", node.work.model},
                {"first_kernel", node.work.first_group},
                {"last_kernel", node.work.last_group}};
    }
    Json out{{"axis", name(node.axis)}, {"merge", name(node.merge)}, {"children", Json::array()}};
    if (!node.shares.empty()) out["shares"] = node.shares;
    if (!node.weights.empty()) out["weights"] = node.weights;
    for (const auto& child : node.children)
        out["children"].push_back(node_json(child, boards));
    return out;
}

std::string share_text(const plan::Node& node, const std::vector<std::string>& boards);

// Children of a split by shares: "62 % of the rows on 1.0, 38 % on 0.0".
std::string divided_text(const plan::Node& node, const std::vector<std::string>& boards) {
    const char* what = node.axis == plan::Axis::batch ? " of the rows on " : " of the requests on ";
    std::vector<std::string> out;
    for (std::size_t i = 0; i < node.children.size(); ++i) {
        const double share = i < node.shares.size() ? node.shares[i] : 1.0 / static_cast<double>(node.children.size());
        out.push_back(base::text(number(share * 100, 2), " %", out.empty() ? what : " on ",
                                 share_text(node.children[i], boards)));
    }
    return joined(out);
}

std::string share_text(const plan::Node& node, const std::vector<std::string>& boards) {
    if (node.is_leaf()) return name_of(boards, node.work.board);
    if (node.axis == plan::Axis::requests || node.axis == plan::Axis::batch) return divided_text(node, boards);
    std::vector<std::string> out;
    for (const auto& child : node.children) {
        const auto& work = child.work;
        const bool stage = node.axis == plan::Axis::operators && child.is_leaf();
        std::string own = stage ? base::text("kernels ", work.first_group + 1, " to ", work.last_group, " on ") : "";
        if (node.axis == plan::Axis::models) own = base::text("model ", out.size() + 1, " on ");
        out.push_back(own + share_text(child, boards));
    }
    return joined(out, node.axis == plan::Axis::operators ? ", then " : ", ");
}

}  // namespace

std::string shares_text(const plan::Plan& plan, const std::vector<std::string>& boards) {
    return plan.root.is_leaf() ? "all on " + share_text(plan.root, boards) : share_text(plan.root, boards);
}

Json plan_json(const plan::Plan& plan, const std::vector<std::string>& boards) {
    const auto& p = plan.prediction;
    Json stages = Json::array();
    for (const auto& stage : p.stages) {
        stages.push_back({{"board", name_of(boards, stage.work.board)},
                          {"model", stage.work.model},
                          {"first_kernel", stage.work.first_group},
                          {"last_kernel", stage.work.last_group},
                          {"compute_ms", stage.compute_s * 1e3},
                          {"receive_ms", stage.receive_s * 1e3},
                          {"receive_bytes", stage.receive_bytes},
                          {"send_ms", stage.send_s * 1e3},
                          {"send_bytes", stage.send_bytes},
                          {"memory_bytes", stage.memory_bytes},
                          {"memory_limit_bytes", stage.memory_limit}});
    }
    Json totals = Json::array();
    for (const auto& board : plan::memory_by_board(p)) {
        totals.push_back({{"board", name_of(boards, board.board)},
                          {"stages", board.stages},
                          {"memory_bytes", board.memory_bytes},
                          {"memory_limit_bytes", board.memory_limit}});
    }
    return {{"objective", plan.objective == plan::Objective::latency ? "latency" : "throughput"},
            {"credits", plan.credits},
            {"latency_ms", p.latency_s * 1e3},
            {"latency_bound_ms", p.latency_bound_s * 1e3},
            {"requests_per_s", p.requests_per_s},
            {"requests_per_s_bound", p.requests_per_s_bound},
            {"gap", p.gap},
            {"stages", stages},
            {"boards", totals},
            {"tree", node_json(plan.root, boards)}};
}

std::vector<std::string> board_names(const plan::Cluster& cluster) {
    std::vector<std::string> out;
    for (const auto& board : cluster.boards)
        out.push_back(board.name);
    return out;
}

}  // namespace shoal::cli
