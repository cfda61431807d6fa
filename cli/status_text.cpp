#include "cli/status_text.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/units.hpp"
#include "cli/plan_text.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "plan/report.hpp"

namespace shoal::cli {
namespace {

using base::format_bytes;
using base::format_ms;
using base::text;
using Json = nlohmann::ordered_json;
using Fit = Column::Fit;

std::string duration(double seconds) {
    const auto whole = static_cast<long long>(seconds);
    if (whole < 120) return text(whole, " s");
    if (whole < 7200) return text(whole / 60, " min");
    return whole < 172800 ? text(whole / 3600, " h") : text(whole / 86400, " days");
}

std::string end_name(const std::string& name) {
    return name.empty() ? "hub" : name;
}

double mean_busy(const wire::BoardStatus& board) {
    double out = 0;
    for (const auto& load : board.loads)
        out = std::max(out, load.busy);
    return out;
}

std::string boards_text(const wire::Status& status) {
    constexpr std::size_t kBar = 16;
    Table table({{"board", Fit::name},
                 {"state"},
                 {"device", Fit::name},
                 {"busy", Fit::number},
                 {"memory"},
                 {"of", Fit::number}});
    for (const auto& board : status.boards) {
        const std::string device = board.devices.empty() ? "-" : board.devices.front().name;
        const std::string more = board.devices.size() > 1 ? text(" +", board.devices.size() - 1) : "";
        table.add({board.board, std::string(name(board.state)), device + more,
                   board.loads.empty() ? "-" : text(std::lround(100 * mean_busy(board)), " %"),
                   text(plan::memory_bar(board.memory_used_bytes, board.memory_limit_bytes, kBar), ' ',
                        format_bytes(board.memory_used_bytes)),
                   format_bytes(board.memory_limit_bytes)});
    }
    return table.empty() ? "no board; start one with 'shoal node --hub THIS_HUB'\n" : table.text();
}

std::string versions_text(const wire::Status& status) {
    std::vector<std::string> others;
    for (const auto& board : status.boards) {
        if (!board.software.empty() && board.software != status.software)
            others.push_back(board.board + " " + board.software);
    }
    return others.empty() ? "" : wrapped(printable("other versions of Shoal: " + joined(others)), 0);
}

std::string model_text(const wire::ModelStatus& model) {
    std::string out = text("\nmodel ", printable(joined(model.names, " + ")), ": ", name(model.state));
    if (model.epoch > 1) out += text(", planned ", model.epoch, " times");
    out += '\n';
    if (!model.text.empty()) out += wrapped(printable(model.text), 2);
    out += wrapped(text(number(model.requests_per_s, 3), " requests/s, p50 ", format_ms(model.p50_ms), ", p99 ",
                        format_ms(model.p99_ms), "; ", model.in_flight, " in flight, ", model.queued, " queued; ",
                        model.answered, " answered, ", model.failed, " failed, ", model.repeated, " ran again"),
                   2);
    Table table({{"stage", Fit::number},
                 {"board", Fit::name},
                 {"kernels"},
                 {"runs", Fit::number},
                 {"compute", Fit::number},
                 {"waits", Fit::number},
                 {"memory", Fit::number},
                 {"of", Fit::number}},
                2);
    for (const auto& stage : model.stages) {
        table.add({std::to_string(stage.stage + 1), stage.board,
                   text(stage.work.first_group + 1, "-", stage.work.last_group),
                   stage.ready ? std::to_string(stage.runs) : "preparing",
                   stage.runs > 0 ? format_ms(stage.mean_compute_ms) : "-",
                   stage.runs > 0 ? format_ms(stage.mean_queue_ms) : "-",
                   stage.memory_bytes > 0 ? format_bytes(stage.memory_bytes) : "-",
                   format_bytes(stage.memory_allowed_bytes)});
    }
    return table.empty() ? out : out + table.text();
}

std::string links_text(const wire::Status& status) {
    Table table({{"link", Fit::name},
                 {"messages", Fit::number},
                 {"bytes", Fit::number},
                 {"latency", Fit::number},
                 {"bandwidth", Fit::number},
                 {"waited", Fit::number}});
    for (const auto& link : status.links) {
        const bool measured = link.measured_bytes_per_s > 0;
        table.add({text(end_name(link.from), " -> ", end_name(link.to)), std::to_string(link.messages),
                   format_bytes(link.bytes), measured ? format_ms(link.measured_latency_s * 1e3) : "-",
                   measured ? format_bytes(static_cast<std::uint64_t>(link.measured_bytes_per_s)) + "/s" : "-",
                   link.messages > 0 ? format_ms(link.mean_ms) : "-"});
    }
    return table.empty() ? "" : "\n" + table.text();
}

std::string clients_text(const wire::Status& status) {
    if (status.clients.empty()) return "";
    std::vector<std::string> out;
    for (const auto& client : status.clients)
        out.push_back(text(client.client, " (", client.in_flight, " in flight)"));
    return "\n" + wrapped(printable("clients: " + joined(out)), 0);
}

Json board_json(const wire::BoardStatus& board) {
    Json devices = Json::array();
    for (std::size_t i = 0; i < board.devices.size(); ++i) {
        const auto& device = board.devices[i];
        Json entry{{"name", device.name},
                   {"kind", name(device.kind)},
                   {"driver", device.driver},
                   {"compute_units", device.compute_units},
                   {"usable_bytes", device.usable_bytes},
                   {"flops_per_s", device.rates.flops_per_s},
                   {"bytes_per_s", device.rates.bytes_per_s},
                   {"launch_s", device.rates.launch_s}};
        if (i < board.loads.size()) {
            entry["busy"] = board.loads[i].busy;
            entry["queued"] = board.loads[i].queued;
            entry["oldest_run_ms"] = board.loads[i].oldest_run_ms;
        }
        devices.push_back(std::move(entry));
    }
    Json facts = Json::object(), readings = Json::object();
    for (const auto& fact : board.facts)
        facts[fact.name] = fact.value;
    for (const auto& reading : board.readings)
        readings[reading.name] = reading.value;
    return {{"board", board.board},
            {"state", name(board.state)},
            {"address", board.address},
            {"software", board.software},
            {"memory_used_bytes", board.memory_used_bytes},
            {"memory_limit_bytes", board.memory_limit_bytes},
            {"cached_bytes", board.cached_bytes},
            {"heartbeat_age_ms", board.heartbeat_age_ms},
            {"devices", devices},
            {"facts", facts},
            {"readings", readings}};
}

Json model_json(const wire::ModelStatus& model) {
    Json stages = Json::array();
    for (const auto& stage : model.stages) {
        stages.push_back({{"stage", stage.stage},
                          {"board", stage.board},
                          {"device", stage.device},
                          {"model", stage.work.model},
                          {"first_kernel", stage.work.first_group},
                          {"last_kernel", stage.work.last_group},
                          {"ready", stage.ready},
                          {"memory_bytes", stage.memory_bytes},
                          {"memory_allowed_bytes", stage.memory_allowed_bytes},
                          {"runs", stage.runs},
                          {"failures", stage.failures},
                          {"mean_compute_ms", stage.mean_compute_ms},
                          {"mean_queue_ms", stage.mean_queue_ms},
                          {"in_flight", stage.in_flight}});
    }
    return {{"model", model.model},       {"names", model.names},       {"state", name(model.state)},
            {"text", model.text},         {"epoch", model.epoch},       {"requests_per_s", model.requests_per_s},
            {"p50_ms", model.p50_ms},     {"p99_ms", model.p99_ms},     {"in_flight", model.in_flight},
            {"queued", model.queued},     {"answered", model.answered}, {"failed", model.failed},
            {"repeated", model.repeated}, {"stages", stages},           {"plan", plan_json(model.plan, model.boards)}};
}

}  // namespace

std::string status_text(const wire::Status& status) {
    std::string out =
        fitted(printable(text("hub ", status.hub, ", Shoal ", status.software, ", up ", duration(status.uptime_s))),
               kColumns) +
        "\n\n" + boards_text(status) + versions_text(status);
    for (const auto& model : status.models)
        out += model_text(model);
    out += links_text(status) + clients_text(status);
    if (status.refused_handshakes + status.dropped_messages + status.cut_peers + status.broken_messages > 0) {
        out += "\n" +
               wrapped(text("kept out: ", status.refused_handshakes, " connections refused, ", status.cut_peers,
                            " peers cut off, ", status.dropped_messages + status.broken_messages, " messages dropped"),
                       0);
    }
    return out;
}

Json status_json(const wire::Status& status) {
    Json boards = Json::array(), models = Json::array(), links = Json::array(), clients = Json::array();
    for (const auto& board : status.boards)
        boards.push_back(board_json(board));
    for (const auto& model : status.models)
        models.push_back(model_json(model));
    for (const auto& link : status.links) {
        links.push_back({{"from", end_name(link.from)},
                         {"to", end_name(link.to)},
                         {"messages", link.messages},
                         {"bytes", link.bytes},
                         {"latency_s", link.measured_latency_s},
                         {"bytes_per_s", link.measured_bytes_per_s},
                         {"mean_wait_ms", link.mean_ms}});
    }
    for (const auto& client : status.clients)
        clients.push_back({{"client", client.client}, {"address", client.address}, {"in_flight", client.in_flight}});
    return {{"hub", status.hub},
            {"software", status.software},
            {"uptime_s", status.uptime_s},
            {"boards", boards},
            {"models", models},
            {"links", links},
            {"clients", clients},
            {"refused_handshakes", status.refused_handshakes},
            {"dropped_messages", status.dropped_messages},
            {"cut_peers", status.cut_peers},
            {"broken_messages", status.broken_messages}};
}

}  // namespace shoal::cli
