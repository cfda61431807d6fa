#include "cli/run_report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/units.hpp"
#include "cli/messages.hpp"
#include "cli/model_flags.hpp"
#include "cli/output.hpp"
#include "cli/plan_text.hpp"
#include "cli/summary.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

namespace shoal::cli {
namespace {

using base::format_ms;
using base::text;
using Json = nlohmann::ordered_json;

void print_inputs(const RunReport& report) {
    for (const auto& input : report.inputs) {
        print(wrapped(printable(text("input ", input.name, ' ', input.tensor.type(), " from ", input.file)), 0));
        if (!input.notes.empty()) print(wrapped(printable(joined(input.notes, "; ")), 2));
    }
}

void print_outputs(const RunReport& report) {
    for (std::size_t i = 0; i < report.outputs.size(); ++i) {
        const auto& [name, tensor] = report.outputs[i];
        if (report.files.empty()) {
            print(text("output ", summary_text(name, tensor, report.labels)));
            continue;
        }
        const auto& [file, note] = report.files[i];
        print(wrapped(printable(text("output ", name, ' ', tensor.type(), " -> ", file.string(),
                                     note.empty() ? "" : " (" + note + ")")),
                      0));
        if (!report.labels.empty()) print(text("output ", summary_text(name, tensor, report.labels)));
    }
}

std::string times_text(const Times& times) {
    std::string out = text("loaded in ", format_ms(times.load_ms), ", compiled in ", format_ms(times.compile_ms),
                           ", ran in ", format_ms(times.first_ms()));
    if (times.run_ms.size() > 1) {
        out += text(", then ", times.run_ms.size() - 1, " times: median ", format_ms(times.percentile_ms(50)),
                    ", least ", format_ms(times.percentile_ms(0)));
    }
    return out;
}

std::string boards_text(const HubRun& run) {
    std::vector<std::string> out;
    for (const auto& [plan, boards] : run.placed) {
        for (const auto& work : plan::leaves(plan.root)) {
            auto board = work.board < boards.size() ? boards[work.board] : "?";
            const bool named = run.placed.size() > 1 && std::find(out.begin(), out.end(), board) != out.end();
            if (!named) out.push_back(std::move(board));
        }
    }
    return joined(out);
}

void print_hub_run(const RunReport& report) {
    const HubRun& run = *report.hub;
    Facts facts(report.devices.empty() ? 6 : 7);
    const auto segments = static_cast<long long>(run.placed.size());
    if (report.devices.empty())
        facts.add("hub", text(run.hub, segments > 1 ? ", " + counted(segments, "segment") : "", ", stages on ",
                              boards_text(run)));
    for (const auto& device : report.devices)
        facts.add(&device == &report.devices.front() ? "devices" : "", device.text());
    for (const auto& [plan, boards] : run.placed) {
        if (!report.devices.empty())
            facts.add(&plan == &run.placed.front().plan ? "shares" : "", shares_text(plan, boards));
    }
    std::string times = segments > 1 ? "" : text("model ready in ", format_ms(run.open_ms), ", ");
    if (run.answers.size() == 1) {
        times += "answered in " + format_ms(run.request_ms[0]);
    } else {
        times += text(run.answers.size(), " requests in ", format_ms(run.seconds * 1e3), ", ",
                      number(static_cast<double>(run.answers.size()) / run.seconds), " a second, ", run.in_flight,
                      " at a time; each median ", format_ms(percentile(run.request_ms, 50)), ", p99 ",
                      format_ms(percentile(run.request_ms, 99)));
    }
    facts.add("time", times);
    if (run.repeated > 0)
        facts.add("again", text(counted(static_cast<long long>(run.repeated), "request"),
                                " ran again as the plan changed under them, each was answered once"));
    print(facts.text());
}

Json hub_json(const HubRun& run, bool here) {
    Json out;
    if (!here) out["hub"] = run.hub;
    if (run.placed.size() == 1) out["plan"] = plan_json(run.placed[0].plan, run.placed[0].boards);
    for (std::size_t i = 0; run.placed.size() > 1 && i < run.placed.size(); ++i)
        out["plans"].push_back(plan_json(run.placed[i].plan, run.placed[i].boards));
    out.update({{"requests", run.answers.size()},
                {"open_ms", run.open_ms},
                {"seconds", run.seconds},
                {"requests_per_s", static_cast<double>(run.answers.size()) / run.seconds},
                {"request_ms", run.request_ms},
                {"repeated", run.repeated}});
    return out;
}

}  // namespace

void print_report(const RunReport& report) {
    print_inputs(report);
    print_outputs(report);
    if (report.hub) return print_hub_run(report);
    Facts facts(6);
    facts.add("device", report.devices.at(0).text());
    facts.add("time", times_text(report.times));
    facts.add("memory", memory_text(report.memory) + "; planned before the run, and used");
    print(facts.text());
    if (!report.kernels.empty()) print("\n" + explain_text(report.kernels, report.rates));
}

nlohmann::ordered_json report_json(const RunReport& report, const std::vector<std::string>& paths) {
    Json out;
    if (paths.size() == 1)
        out["model"] = paths[0];
    else
        out["models"] = paths;
    if (!report.hub) out["device"] = device_json(report.devices.at(0));
    for (std::size_t i = 0; report.hub && i < report.devices.size(); ++i)
        out["devices"].push_back(device_json(report.devices[i]));
    for (const auto& input : report.inputs) {
        out["inputs"].push_back({{"name", input.name},
                                 {"file", input.file},
                                 {"element", tensor::name(input.tensor.element())},
                                 {"shape", input.tensor.shape().extents()},
                                 {"notes", input.notes}});
    }
    for (std::size_t i = 0; i < report.outputs.size(); ++i) {
        Json output = summary_json(report.outputs[i].first, report.outputs[i].second, report.labels);
        if (!report.files.empty()) output["file"] = report.files[i].file.string();
        out["outputs"].push_back(std::move(output));
    }
    out["load_ms"] = report.times.load_ms;
    if (report.hub) {
        const bool here = !report.devices.empty();
        out[here ? "shared" : "cluster"] = hub_json(*report.hub, here);
        return out;
    }
    out["compile_ms"] = report.times.compile_ms;
    out["run_ms"] = report.times.run_ms;
    out["memory"] = memory_json(report.memory);
    if (!report.kernels.empty()) out["kernels"] = explain_json(report.kernels, report.rates);
    return out;
}

void warn_of_labels(const RunReport& report) {
    for (const auto& [name, tensor] : report.outputs) {
        const auto count = static_cast<std::int64_t>(report.labels.size());
        if (count > 0 && !best_classes(tensor, 1).empty() && tensor.count() != count)
            say_warning(text("--labels has ", count, " lines, output '", name, "' has ", tensor.count(), " classes"));
    }
}

}  // namespace shoal::cli
