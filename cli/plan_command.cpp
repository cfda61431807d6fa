// shoal plan: where a model's parts would run, and what that is expected to take.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "cli/cluster_file.hpp"
#include "cli/commands.hpp"
#include "cli/device_flags.hpp"
#include "cli/ensemble_flags.hpp"
#include "cli/flag_values.hpp"
#include "cli/hub_flags.hpp"
#include "cli/messages.hpp"
#include "cli/output.hpp"
#include "cli/plan_text.hpp"
#include "cli/suggest.hpp"
#include "cli/text.hpp"
#include "plan/cost.hpp"
#include "plan/planner.hpp"
#include "plan/report.hpp"

namespace shoal::cli {
namespace {

using base::text;

constexpr const char* kDetails =
    "Shows which operators would go to which board, the bytes and milliseconds of every stage and link, each board's "
    "memory against its limit, and the bound that no plan can beat. With --hub the boards are asked and measured; with "
    "--cluster they are what a JSON file says, and nothing needs to run; with --device they are the devices of this "
    "machine, as 'shoal run' shares a model's work between them.";
constexpr const char* kExamples =
    "shoal plan resnet18.onnx --hub 192.168.1.10 --key me --hub-key hub.pub\n"
    "shoal plan resnet18.onnx --cluster boards.json --objective throughput\n"
    "shoal plan resnet18.onnx --cluster boards.json --without kitchen\n"
    "shoal plan resnet18.onnx --device gpu --device cpu --dim N=8\n"
    "shoal plan small.onnx --hub 127.0.0.1 --save-cluster boards.json";

struct PlanFlags {
    EnsembleFlags ensemble;
    ModelFlags sizes;
    HubFlags hub;
    DeviceFlags device;
    std::vector<std::string> devices;  // wishes
    std::string cluster, save_cluster;
    std::vector<std::string> without;
    bool json = false;
};

std::uint32_t board_index(const plan::Cluster& cluster, const std::string& name) {
    const auto names = board_names(cluster);
    for (std::uint32_t i = 0; i < names.size(); ++i) {
        if (names[i] == name) return i;
    }
    throw UsageError(
        text("--without: no board is called '", name, "'", did_you_mean(name, names), "; there are ", joined(names)));
}

plan::Problem problem_of(const PlanFlags& flags, const std::vector<client::NamedGraph>& graphs, plan::Cluster cluster) {
    plan::Problem out;
    out.cluster = std::move(cluster);
    out.objective = objective_of(flags.ensemble);
    if (graphs.size() > 1) out.options.merge = merge_of(flags.ensemble);
    out.options.weights = weights_of(flags.ensemble);
    out.options.mode = mode_of(flags.ensemble);
    for (const auto& name : flags.without)
        out.options.excluded.push_back(board_index(out.cluster, name));
    for (const auto& [name, graph] : graphs)
        out.models.push_back({graph, plan::cost_table(*graph, out.cluster)});
    return out;
}

client::Planned ask(const PlanFlags& flags, const std::vector<client::NamedGraph>& graphs) {
    const auto client =
        flags.devices.empty() ? connect(flags.hub, "shoal plan") : share(open_devices(flags.device, flags.devices));
    auto options = open_options(flags.hub);
    options.objective = objective_of(flags.ensemble);
    options.mode = mode_of(flags.ensemble);
    options.merge = merge_of(flags.ensemble);
    options.weights = weights_of(flags.ensemble);
    Progress progress("measuring the boards");
    options.on_progress = [&](const client::Progress& at) { progress.show(progress_text(at)); };
    return client->plan(graphs, options);
}

void check(const PlanFlags& flags, const Frame& frame) {
    (void)merge_of(flags.ensemble);
    (void)weights_of(flags.ensemble);
    const int places =
        (flags.hub.hub.empty() ? 0 : 1) + (flags.cluster.empty() ? 0 : 1) + (flags.devices.empty() ? 0 : 1);
    if (places != 1)
        throw UsageError(
            "one of --hub, --cluster and --device is needed: the boards that are there, a file that names some, or "
            "devices of this machine");
    if (flags.cluster.empty() && !flags.without.empty())
        throw UsageError("--without is for --cluster; save what was measured with --save-cluster first");
    if (!flags.cluster.empty() && !flags.save_cluster.empty())
        throw UsageError("--save-cluster is for --hub and --device");
    for (const char* flag : {"--threads", "--compact", "--tuned", "--patience"}) {
        if (flags.devices.empty() && frame.typed(flag)) throw UsageError(text(flag, " is for --device"));
    }
    for (const char* flag : {"--key", "--hub-key", "--connect-timeout"}) {
        if (!flags.devices.empty() && frame.typed(flag)) throw UsageError(text(flag, " is for --hub"));
    }
}

Exit plan(const PlanFlags& flags, const Frame& frame) {
    check(flags, frame);
    std::vector<importer::Model> models;
    std::vector<importer::Bindings> bindings;
    for (const auto& path : flags.ensemble.models) {
        models.push_back(load_model(path));
        models.back().check_supported();
        bindings.push_back(bindings_of(models.back(), flags.sizes));
    }
    const auto graphs = graphs_of(models, flags.ensemble.models, bindings);

    plan::Problem problem;
    plan::Plan made;
    if (!flags.cluster.empty()) {
        problem = problem_of(flags, graphs, read_cluster(flags.cluster));
        const Progress progress("planning");
        made = plan::make_plan(problem);
    } else {
        auto planned = ask(flags, graphs);
        problem.cluster = std::move(planned.cluster);
        for (const auto& [name, graph] : graphs)
            problem.models.push_back({graph, {}});
        made = std::move(planned.plan);
    }
    if (!flags.save_cluster.empty())
        base::replace_file(flags.save_cluster, cluster_json(problem.cluster).dump(2) + "\n");
    if (flags.json) {
        print_json(plan_json(made, board_names(problem.cluster)));
        return Exit::ok;
    }
    for (const auto& line : plan::report(problem, made))
        print_line(printable(line));
    return Exit::ok;
}

}  // namespace

void add_plan_command(Frame& frame) {
    const auto flags = std::make_shared<PlanFlags>();
    auto& command = frame.add({"plan", "Show where a model's parts would run", kDetails, kExamples},
                              [flags, &frame] { return plan(*flags, frame); });
    command.add_option("MODEL", flags->ensemble.models, "An ONNX file; several are an ensemble")
        ->required()
        ->expected(1, CLI::detail::expected_max_vector_size);
    add_hub_flags(command, flags->hub, "Ask this hub and its boards");
    add_open_timeout_flag(command, flags->hub);
    add_connect_timeout_flag(command, flags->hub);
    command.add_option("--cluster", flags->cluster, "Plan for the boards of this JSON file")
        ->option_text("FILE")
        ->group("Cluster");
    command.add_option("--save-cluster", flags->save_cluster, "Write what the hub measured as such a file")
        ->option_text("FILE")
        ->group("Cluster");
    add_objective_flag(command, flags->ensemble);
    add_mode_flag(command, flags->ensemble);
    command.add_option("--without", flags->without, "Plan as if this board were lost; may be repeated")
        ->option_text("BOARD")
        ->group("Cluster");
    add_merge_flags(command, flags->ensemble);
    add_devices_flags(command, flags->device, flags->devices, "Plan for devices of this machine");
    add_size_flags(command, flags->sizes);
    command.add_flag("--json", flags->json, "Print the plan as JSON")->group("Report");
}

}  // namespace shoal::cli
