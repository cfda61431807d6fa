// shoal kernels build: compiles a model's kernels here, for boards that will not compile them.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

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
#include "opencl/backend.hpp"
#include "opencl/rates.hpp"

namespace shoal::cli {
namespace {

using base::text;

constexpr const char* kDetails =
    "Compiles the kernels of a model and stores the binaries in a folder, for devices that cannot compile and boards "
    "that should not: 'shoal node --kernels DIR' and 'shoal run --kernels DIR' take them from there and never call the "
    "compiler.\n\n"
    "Binaries are valid for the same device, driver and versions only, so build them where the board's own driver is. "
    "They serve the whole model and every stage that it is cut into between kernels, in the sizes and the precision "
    "given here; build again into the same folder for others. The model is run once, on made-up inputs.";
constexpr const char* kExamples =
    "shoal kernels build resnet18.onnx --device gpu -o kernels/\n"
    "shoal kernels build bert.onnx --dim sequence=128 --precision fp16 -o kernels/\n"
    "shoal node --hub 192.168.1.10 --kernels kernels/ --key pi --hub-key hub.pub";

struct KernelsFlags {
    std::string action, output;
    ModelFlags model;
    DeviceFlags device;
    SessionFlags session;
    bool json = false;
};

opencl::ExportTotals compile_and_store(const KernelsFlags& flags, const ChosenDevice& device) {
    const auto model = load_model(flags.model.path);
    model.check_supported();
    const auto types = importer::input_types(model, bindings_of(model, flags.model));
    const Progress progress("compiling for " + device.info().name);
    session::Session session(model, device.backend, session_options(model, flags.session));
    runtime::RunOptions options;
    options.cancellation = cancellation();
    (void)session.run(random_inputs(types, 1), options);
    check_signals();
    (void)opencl::measure_rates(device.part->found, device.programs);  // nodes and planners ask for them
    return opencl::store_exports(*device.backend);
}

Exit build(const KernelsFlags& flags) {
    if (flags.device.device == "host") throw UsageError("--device host has no kernels to build");
    if (flags.output.empty()) throw UsageError("--output is missing: into which folder? e.g. -o kernels");
    const ChosenDevice device = open_device(flags.device, flags.output);
    const auto totals = compile_and_store(flags, device);
    const std::size_t programs = totals.programs + 1;  // and the one that measures rates
    if (flags.json) {
        print_json({{"folder", flags.output},
                    {"programs", programs},
                    {"bytes", totals.bytes},
                    {"device", device.info().id},
                    {"identity", device.info().identity()}});
        return Exit::ok;
    }
    Facts facts(8);
    facts.add("device", device.text());
    facts.add("for", printable(device.info().identity()));
    facts.add("folder", text(flags.output, ": ", counted(static_cast<long long>(programs), "program"), ", ",
                             base::format_bytes(totals.bytes)));
    print(facts.text());
    return Exit::ok;
}

}  // namespace

void add_kernels_command(Frame& frame) {
    const auto flags = std::make_shared<KernelsFlags>();
    auto& command = frame.add({"kernels", "Compile a model's kernels ahead of time", kDetails, kExamples},
                              [flags] { return build(*flags); });
    command.add_option("build", flags->action, "The word build")->required()->check(CLI::IsMember({"build"}));
    add_model_argument(command, flags->model);
    command.add_option("-o,--output", flags->output, "The folder for the binaries; made when missing")
        ->option_text("DIR")
        ->group("Kernels");
    command.add_flag("--json", flags->json, "Print what was made as JSON")->group("Kernels");
    add_size_flags(command, flags->model);
    add_precision_flag(command, flags->session);
    add_device_flags(command, flags->device);
}

}  // namespace shoal::cli
