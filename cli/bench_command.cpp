// shoal bench: how fast a model is on a device, or on several that share it, and how long it takes to get going.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/explain.hpp"
#include "cli/messages.hpp"
#include "cli/model_flags.hpp"
#include "cli/output.hpp"
#include "cli/random_inputs.hpp"
#include "cli/session_flags.hpp"
#include "cli/signals.hpp"
#include "cli/start_up.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "cli/timing.hpp"
#include "platform/memory.hpp"
#include "platform/pressure.hpp"
#include "session/remote_backend.hpp"

namespace shoal::cli {
namespace {

using base::format_bytes;
using base::format_ms;
using base::text;
using Json = nlohmann::ordered_json;

constexpr const char* kDetails =
    "Runs a model on made-up inputs and tells the times of its runs, its speed and its memory. Reals are uniform in "
    "-1..1, whole numbers and booleans are 0 or 1. The start is measured in two processes of their own, with empty "
    "caches of compiled kernels (cold) and with what the first left there (warm).\n\n"
    "Several devices (--device repeated, all, or cpu/2) share each run as 'shoal run' has them share it; 'shoal plan "
    "--device' shows what each does.";
constexpr const char* kExamples =
    "shoal bench resnet50.onnx --repeat 50\n"
    "shoal bench bert.onnx --dim seq=128 --dim N=8 --threads 1\n"
    "shoal bench resnet50.onnx --dim N=8 --device gpu --device cpu\n"
    "shoal bench resnet18.onnx --json --skip-start > today.json";

struct BenchFlags {
    ModelFlags model;
    DeviceFlags device;
    std::vector<std::string> devices;  // wishes
    SessionFlags session;
    int repeat = 0;  // 0: for about three seconds
    std::uint64_t seed = 1;
    bool skip_start = false, limit = false, start_only = false, json = false;
};

struct Result {
    std::map<std::string, tensor::Type> types{};
    Times times{};
    double open_ms = 0;
    double flops = 0;        // of one run
    std::int64_t items = 1;  // in one run: the batch
    std::size_t kernels = 0;
    runtime::MemoryUse memory{};
    platform::ProcessMemory process{};
    std::optional<StartUps> starts{};
    std::optional<double> limit_ms{};

    [[nodiscard]] double median_ms() const { return times.percentile_ms(50); }
    [[nodiscard]] double spread() const {
        return (times.percentile_ms(90) - times.percentile_ms(10)) / std::max(median_ms(), 1e-9);
    }
};

// What lies first in the first input's shape, if the model leaves it open: its batch.
std::int64_t batch_of(const importer::Model& model, const std::map<std::string, tensor::Type>& types) {
    for (const auto& input : model.inputs()) {
        const auto type = types.find(input.name);
        if (type == types.end() || type->second.shape.rank() < 2) continue;
        return std::max<std::int64_t>(type->second.shape[0], 1);
    }
    return 1;
}

void add_costs(const session::Session& session, Result& out) {
    for (const auto& executable : session.last_run()) {
        const auto& graph = executable->graph();
        for (const auto& op : graph.ops)
            out.flops += graph::cost(graph, op).flops;
        out.kernels += graph::groups(graph).size();
    }
}

// Runs for a while when nobody says how often: enough for a median, not enough to be sent away.
void run_often(session::Session& session, const session::Inputs& inputs, int repeat, Times& times) {
    constexpr double kEnough_ms = 3000;
    constexpr int kLeast = 6, kMost = 200;
    (void)timed_runs(session, inputs, 1, times);
    int more = repeat - 1;
    if (repeat == 0) {
        (void)timed_runs(session, inputs, 1, times);
        more = std::clamp(static_cast<int>(kEnough_ms / std::max(times.run_ms.back(), 1e-3)), kLeast, kMost);
    }
    if (more > 0) (void)timed_runs(session, inputs, more, times);
}

std::vector<std::string> start_arguments(const BenchFlags& flags) {
    std::vector<std::string> out{"bench",       "--start-only",
                                 "--patience",  number(flags.device.patience_s, 9),
                                 "--seed",      std::to_string(flags.seed),
                                 "--precision", flags.session.precision};
    for (const auto& wish : flags.devices)
        out.insert(out.end(), {"--device", wish});
    if (flags.device.compact) out.emplace_back("--compact");
    if (!flags.device.kernel_class.empty()) out.insert(out.end(), {"--kernel-class", flags.device.kernel_class});
    if (!flags.device.tuned.empty()) out.insert(out.end(), {"--tuned", flags.device.tuned});
    if (!flags.device.kernels.empty()) out.insert(out.end(), {"--kernels", flags.device.kernels});
    if (flags.device.threads > 0) out.insert(out.end(), {"--threads", std::to_string(flags.device.threads)});
    for (const auto& dim : flags.model.dims)
        out.insert(out.end(), {"--dim", dim});
    for (const auto& shape : flags.model.shapes)
        out.insert(out.end(), {"--shape", shape});
    out.insert(out.end(), {"--", flags.model.path});
    return out;
}

std::shared_ptr<runtime::Backend> backend_of(const BenchFlags& flags, std::vector<ChosenDevice>& devices) {
    devices = open_devices(flags.device, flags.devices);
    return are_several(flags.devices) ? session::make_remote_backend(share(devices)) : devices.at(0).backend;
}

// In what time the device would run the model at its measured best.
double limit_ms(const session::Session& session, runtime::Backend& backend) {
    return 1e3 * seconds_at_limit(explain(session.last_run(), 1), backend.measure_rates());
}

Result measure(const BenchFlags& flags, std::vector<ChosenDevice>& devices) {
    Result out;
    std::optional<importer::Model> model;
    out.times.load_ms = timed_ms([&] { model = load_model(flags.model.path); });
    model->check_supported();
    out.types = importer::input_types(*model, bindings_of(*model, flags.model));
    out.items = batch_of(*model, out.types);
    std::shared_ptr<runtime::Backend> backend;
    out.open_ms = timed_ms([&] { backend = backend_of(flags, devices); });
    session::Session session(*model, backend, session_options(*model, flags.session));
    {
        const Progress progress("compiling for " + devices_text(devices));
        out.times.compile_ms = timed_ms([&] { session.prepare(out.types); });
    }
    run_often(session, random_inputs(out.types, flags.seed), flags.start_only ? 1 : flags.repeat, out.times);
    add_costs(session, out);
    out.memory = session.memory();
    out.process = platform::process_memory();
    if (flags.limit) out.limit_ms = limit_ms(session, *backend);
    return out;
}

std::string start_text(const StartUp& start) {
    return text(format_ms(start.total_ms()), ": load ", format_ms(start.load_ms), ", open the device ",
                format_ms(start.open_ms), ", compile ", format_ms(start.compile_ms), ", first run ",
                format_ms(start.first_run_ms));
}

void print_result(const Result& result, const BenchFlags& flags, const std::vector<ChosenDevice>& devices) {
    std::vector<std::string> inputs;
    for (const auto& [name, type] : result.types)
        inputs.push_back(text(name, ' ', type));
    const auto& times = result.times;
    Facts facts(11);
    facts.add("model", flags.model.path);
    facts.add("inputs", joined(inputs));
    for (const auto& device : devices)
        facts.add(&device != &devices.front() ? "" : devices.size() > 1 ? "devices" : "device", device.text());
    facts.add("median",
              text(format_ms(result.median_ms()), " of ", counted(static_cast<long long>(times.run_ms.size()), "run")));
    facts.add("", text("least ", format_ms(times.percentile_ms(0)), ", p10 ", format_ms(times.percentile_ms(10)),
                       ", p90 ", format_ms(times.percentile_ms(90)), ", first ", format_ms(times.first_ms())));
    facts.add("speed",
              text(number(result.flops / result.median_ms() / 1e6, 3), " GFLOP/s (", number(result.flops / 1e9, 3),
                   " GFLOP in ", counted(static_cast<long long>(result.kernels), "kernel"), " a run), ",
                   number(1e3 * static_cast<double>(result.items) / result.median_ms(), 4), " inputs/s"));
    if (result.limit_ms) {
        facts.add("limit", text(format_ms(*result.limit_ms), " at what the device reaches, ",
                                number(100 * *result.limit_ms / result.median_ms(), 3), " % of the median"));
    }
    facts.add("ready in", text("load ", format_ms(times.load_ms), ", open the device ", format_ms(result.open_ms),
                               ", compile ", format_ms(times.compile_ms)));
    if (result.starts) {
        facts.add("cold start", start_text(result.starts->cold));
        facts.add("warm start", start_text(result.starts->warm));
    }
    facts.add("memory", memory_text(result.memory));
    facts.add(
        "", text("peak resident set of the process ",
                 result.process.peak_resident_bytes ? format_bytes(*result.process.peak_resident_bytes) : "not known"));
    print(facts.text());
}

Json start_json(const StartUp& start) {
    return {{"total_ms", start.total_ms()},       {"load_ms", start.load_ms},
            {"open_ms", start.open_ms},           {"compile_ms", start.compile_ms},
            {"first_run_ms", start.first_run_ms}, {"peak_resident_bytes", start.peak_resident_bytes}};
}

Json result_json(const Result& result, const BenchFlags& flags, const std::vector<ChosenDevice>& devices) {
    Json inputs = Json::object();
    for (const auto& [name, type] : result.types)
        inputs[name] = {{"element", tensor::name(type.element)}, {"shape", type.shape.extents()}};
    const auto& times = result.times;
    Json out{{"model", flags.model.path},
             {"device", device_json(devices.at(0))},
             {"inputs", inputs},
             {"seed", flags.seed},
             {"runs", times.run_ms.size()},
             {"median_ms", result.median_ms()},
             {"least_ms", times.percentile_ms(0)},
             {"p10_ms", times.percentile_ms(10)},
             {"p90_ms", times.percentile_ms(90)},
             {"first_run_ms", times.first_ms()},
             {"run_ms", times.run_ms},
             {"load_ms", times.load_ms},
             {"open_ms", result.open_ms},
             {"compile_ms", times.compile_ms},
             {"flops", result.flops},
             {"kernels", result.kernels},
             {"gflops_per_s", result.flops / result.median_ms() / 1e6},
             {"batch", result.items},
             {"inputs_per_s", 1e3 * static_cast<double>(result.items) / result.median_ms()},
             {"memory", memory_json(result.memory)},
             {"peak_resident_bytes", result.process.peak_resident_bytes.value_or(0)},
             {"busy", result.spread()}};
    for (std::size_t i = 0; devices.size() > 1 && i < devices.size(); ++i)
        out["devices"].push_back(device_json(devices[i]));
    if (devices.size() > 1) out.erase("device");
    if (result.limit_ms) out["limit_ms"] = *result.limit_ms;
    if (result.starts) {
        out["cold_start"] = start_json(result.starts->cold);
        out["warm_start"] = start_json(result.starts->warm);
    }
    return out;
}

// Times on a machine that does something else besides say little.
void warn_of_noise(const Result& result) {
    constexpr double kMuch = 0.2;
    if (result.times.run_ms.size() < 5 || result.spread() < kMuch) return;
    const auto pressure = platform::pressure().cpu;
    say_warning(text(
        "the runs differ by ", number(result.spread() * 100, 2), " % (p10 to p90)",
        pressure ? text(", tasks waited for a processor ", number(pressure->some_10s, 3), " % of the last 10 s") : "",
        "; the machine is busy or its clock changes, measure again"));
}

Exit bench(const BenchFlags& flags) {
    if (are_several(flags.devices) && precision_of(flags.session) == session::Precision::fp16)
        throw UsageError("--precision fp16 is for one device; several compute in the model's own precision");
    if (are_several(flags.devices) && flags.limit) throw UsageError("--limit is for one device");
    std::vector<ChosenDevice> devices;
    Result result = measure(flags, devices);
    if (flags.start_only) {
        print_line(to_line({result.times.load_ms, result.open_ms, result.times.compile_ms, result.times.first_ms(),
                            result.process.peak_resident_bytes.value_or(0)}));
        return Exit::ok;
    }
    if (!flags.skip_start) result.starts = measure_start_ups(start_arguments(flags));
    if (flags.json)
        print_json(result_json(result, flags, devices));
    else
        print_result(result, flags, devices);
    warn_of_noise(result);
    return Exit::ok;
}

}  // namespace

void add_bench_command(Frame& frame) {
    const auto flags = std::make_shared<BenchFlags>();
    auto& command =
        frame.add({"bench", "Measure a model on this machine", kDetails, kExamples}, [flags] { return bench(*flags); });
    add_model_argument(command, flags->model);
    const char* group = "Measuring";
    command.add_option("-n,--repeat", flags->repeat, "Run N times (default: for about three seconds)")
        ->option_text("N")
        ->check(CLI::Range(1, 1'000'000))
        ->group(group);
    command.add_option("--seed", flags->seed, "Of the made-up inputs (default 1)")->option_text("N")->group(group);
    command.add_flag("--skip-start", flags->skip_start, "Do not measure cold and warm starts")->group(group);
    command
        .add_flag("--limit", flags->limit,
                  "Also tell in what time the device would run it at the rates of 'shoal devices --bench'")
        ->group(group);
    command.add_flag("--json", flags->json, "Print the figures, and each run's time, as JSON")->group(group);
    command.add_flag("--start-only", flags->start_only)->group("");  // what the measured processes are started with
    add_size_flags(command, flags->model);
    add_precision_flag(command, flags->session);
    add_devices_flags(command, flags->device, flags->devices, "Where to run");
    add_kernels_flag(command, flags->device);
}

}  // namespace shoal::cli
