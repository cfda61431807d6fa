// shoal tune: which way of computing each of a model's kernels is the fastest on this device.
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/device_flags.hpp"
#include "cli/messages.hpp"
#include "cli/model_flags.hpp"
#include "cli/output.hpp"
#include "cli/random_inputs.hpp"
#include "cli/session_flags.hpp"
#include "cli/signals.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "cli/timing.hpp"
#include "device/kernel_file.hpp"
#include "graph/kernel_signature.hpp"
#include "graph/side_by_side.hpp"
#include "opencl/tune.hpp"
#include "plan/kernels.hpp"
#include "platform/files.hpp"

namespace shoal::cli {
namespace {

using base::format_ms;
using base::text;
using Json = nlohmann::ordered_json;

constexpr const char* kDetails =
    "Products and convolutions can be computed in several ways: register tiles of several sizes, Winograd's algorithm, "
    "in "
    "another order. Each way is run on the device, for each kernel of the model that has several, and the fastest is "
    "remembered for this device, driver and number of compute units. Whatever runs on this machine from then on "
    "chooses "
    "by it, and planners take the times instead of estimates. What is known already is not measured again, unless "
    "--again "
    "is given. Let the machine do nothing else meanwhile.";
constexpr const char* kExamples =
    "shoal tune resnet50.onnx\n"
    "shoal tune bert.onnx --dim N=1 --dim seq=128 --threads 2\n"
    "shoal tune resnet50.onnx -o board.kernels\n"
    "shoal run resnet50.onnx -i x.npy --tuned board.kernels";

struct TuneFlags {
    ModelFlags model;
    DeviceFlags device;
    SessionFlags session;
    std::string output;
    int repeat = 15;
    bool again = false, json = false;
};

// A kernel that can be computed in several ways, once for all its occurrences.
struct Kernel {
    std::shared_ptr<runtime::Executable> of;
    graph::GroupRange range;
    std::string signature;
    int times = 1;                       ///< how often a run computes it
    std::string usual{};                 ///< the way that is taken without a measurement
    std::vector<opencl::Timed> timed{};  ///< the usual one first, unless the device refuses it
    std::string left_out{};              ///< why it was not measured

    [[nodiscard]] const graph::Graph& graph() const { return of->graph(); }
    [[nodiscard]] double gain_s() const {
        return times * (timed.front().cost.seconds - opencl::best_of(timed).cost.seconds);
    }
};

std::vector<Kernel> kernels_of(const session::Session& session, const ChosenDevice& device) {
    std::vector<Kernel> out;
    std::map<std::string, std::size_t> known;
    for (const auto& executable : session.last_run()) {
        const auto& graph = executable->graph();
        for (const auto& range : graph::groups(graph)) {
            if (opencl::variants(*device.backend, graph, range).size() < 2) continue;
            auto signature = graph::kernel_signature(graph, range);
            const auto [at, fresh] = known.emplace(signature, out.size());
            if (fresh)
                out.push_back({executable, range, std::move(signature)});
            else
                ++out[at->second].times;
        }
    }
    return out;
}

void measure(Kernel& kernel, ChosenDevice& device, int repeat) {
    const auto names = opencl::variants(*device.backend, kernel.graph(), kernel.range);
    const auto ways = names.size();
    kernel.usual = names.front();
    const std::uint64_t needed = ways * graph::least_bytes(kernel.graph(), kernel.range);
    const std::uint64_t usable = device.info().usable_bytes;
    if (usable != 0 && needed > usable / 2) {
        kernel.left_out = text(ways, " ways side by side need ", base::format_bytes(needed), " of ",
                               base::format_bytes(usable), " that are usable");
        return;
    }
    try {
        kernel.timed = opencl::time_variants(*device.backend, kernel.graph(), kernel.range, repeat);
    } catch (const base::Error& error) {
        if (error.code() != base::Code::device) throw;
        kernel.left_out = error.what();
    }
}

device::KernelTable table_of(const Kernel& kernel) {
    device::KernelTable out;
    const auto& best = opencl::best_of(kernel.timed);
    out.costs[kernel.signature] = best.cost;
    if (best.variant != kernel.usual) out.variants[kernel.signature] = best.variant;
    return out;
}

// Every kernel is kept as soon as it is measured: who stops in the middle goes on from there.
device::KernelTable tune(std::vector<Kernel>& kernels, ChosenDevice& device, const TuneFlags& flags) {
    const device::KernelFile file(platform::cache_folder() / device::kMachineKernels, device.info());
    const auto known = file.load();
    device::KernelTable out;
    Progress progress("tuning");
    for (std::size_t n = 0; n < kernels.size(); ++n) {
        check_signals();
        Kernel& kernel = kernels[n];
        const auto cost = known.costs.find(kernel.signature);
        if (!flags.again && cost != known.costs.end()) {
            kernel.left_out = "known already";
            out.costs.insert(*cost);
            const auto variant = known.variants.find(kernel.signature);
            if (variant != known.variants.end()) out.variants.insert(*variant);
            continue;
        }
        progress.show(
            text("tuning ", n + 1, " of ", kernels.size(), ": ", plan::kernel_name(kernel.graph(), kernel.range)));
        measure(kernel, device, flags.repeat);
        if (kernel.timed.empty()) continue;
        const auto table = table_of(kernel);
        file.add(table);
        device::merge(out, table);
    }
    return out;
}

void print_kernels(const std::vector<Kernel>& kernels) {
    using Fit = Column::Fit;
    Table table({{"usual", Fit::number},
                 {"best", Fit::number},
                 {"", Fit::number},
                 {"way", Fit::text},
                 {"runs", Fit::number},
                 {"kernel", Fit::name}});
    double usual = 0, gain = 0;
    std::size_t known = 0;
    for (const Kernel& kernel : kernels) {
        const auto name = plan::kernel_name(kernel.graph(), kernel.range);
        if (kernel.timed.empty()) {
            if (kernel.left_out == "known already")
                ++known;
            else
                say_warning(text("'", name, "' was not measured: ", kernel.left_out));
            continue;
        }
        const auto& best = opencl::best_of(kernel.timed);
        const double before = kernel.timed.front().cost.seconds;
        usual += kernel.times * before;
        gain += kernel.gain_s();
        table.add({format_ms(before * 1e3), format_ms(best.cost.seconds * 1e3),
                   text(number(100 * best.cost.seconds / before, 3), " %"), best.variant, std::to_string(kernel.times),
                   name});
    }
    if (!table.empty()) print(table.text());
    if (known != 0)
        print(text(counted(static_cast<long long>(known), "kernel"), " known already; --again measures anew\n"));
    if (usual > 0)
        print(text("together, a run: ", format_ms(usual * 1e3), " the usual way, ", format_ms((usual - gain) * 1e3),
                   " the best way\n"));
}

Json kernels_json(const std::vector<Kernel>& kernels) {
    Json out = Json::array();
    for (const Kernel& kernel : kernels) {
        Json ways = Json::array();
        for (const auto& timed : kernel.timed)
            ways.push_back({{"variant", timed.variant}, {"seconds", timed.cost.seconds}});
        Json row{{"kernel", plan::kernel_name(kernel.graph(), kernel.range)},
                 {"signature", kernel.signature},
                 {"runs", kernel.times},
                 {"variants", std::move(ways)}};
        if (kernel.timed.empty())
            row["left_out"] = kernel.left_out;
        else
            row["best"] = opencl::best_of(kernel.timed).variant;
        out.push_back(std::move(row));
    }
    return out;
}

// Before what takes minutes.
void check_writable(const std::string& file) {
    if (file.empty()) return;
    const std::filesystem::path path(file);
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored))
        throw UsageError(text("--output: '", file, "' is a folder; name a file in it"));
    if (!std::filesystem::is_directory(folder, ignored))
        throw UsageError(text("--output: there is no folder '", folder.string(), "'"));
    if (::access(folder.c_str(), W_OK | X_OK) != 0)
        throw UsageError(text("--output: the folder '", folder.string(), "' cannot be written; choose another"));
}

Exit tune_model(const TuneFlags& flags) {
    if (flags.device.device == "host") throw UsageError("--device host has one way of computing each kernel");
    check_writable(flags.output);
    const auto model = load_model(flags.model.path);
    model.check_supported();
    const auto types = importer::input_types(model, bindings_of(model, flags.model));
    ChosenDevice device = open_device(flags.device);
    session::Session session(model, device.backend, session_options(model, flags.session));
    {
        const Progress progress("compiling for " + device.info().name);
        (void)session.run(random_inputs(types, 1));
    }
    auto kernels = kernels_of(session, device);
    const auto table = tune(kernels, device, flags);
    if (!flags.output.empty()) device::save_kernel_table(flags.output, device.info(), table);
    if (flags.json) {
        print_json({{"model", flags.model.path}, {"device", device_json(device)}, {"kernels", kernels_json(kernels)}});
        return Exit::ok;
    }
    if (kernels.empty()) print("no kernel of this model can be computed in more than one way on this device\n");
    print_kernels(kernels);
    if (!flags.output.empty()) print(text("the table is in ", flags.output, "\n"));
    return Exit::ok;
}

}  // namespace

void add_tune_command(Frame& frame) {
    const auto flags = std::make_shared<TuneFlags>();
    auto& command = frame.add({"tune", "Find the fastest kernels for a model by measuring", kDetails, kExamples},
                              [flags] { return tune_model(*flags); });
    add_model_argument(command, flags->model);
    command.add_option("-o,--output", flags->output, "Also write this model's table to a file, to ship with a product")
        ->option_text("FILE");
    command.add_option("-n,--repeat", flags->repeat, "Run each way N times (default 15)")
        ->option_text("N")
        ->check(CLI::Range(1, 1000));
    command.add_flag("--again", flags->again, "Measure what is known already, too");
    command.add_flag("--json", flags->json, "Print every time as JSON");
    add_size_flags(command, flags->model);
    add_precision_flag(command, flags->session);
    add_device_flags(command, flags->device);
}

}  // namespace shoal::cli
