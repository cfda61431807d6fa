#include "cli/plan_text.hpp"

#include <nlohmann/json.hpp>

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

}  // namespace

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
