#include "cli/session_flags.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/flag_values.hpp"
#include "cli/frame.hpp"
#include "cli/messages.hpp"
#include "cli/model_flags.hpp"
#include "cli/suggest.hpp"
#include "cli/text.hpp"

namespace shoal::cli {

using base::text;

void add_precision_flag(CLI::App& command, SessionFlags& flags) {
    command
        .add_option("--precision", flags.precision,
                    "fp32: as the model is; fp16: computed in halves, where the device can; int8w, int4w: weights kept "
                    "as 8- or 4-bit numbers in blocks of 32 and unpacked when used")
        ->option_text("fp32|fp16|int8w|int4w")
        ->check(CLI::IsMember({"fp32", "fp16", "int8w", "int4w"}))
        ->group("Precision");
}

void add_state_flag(CLI::App& command, SessionFlags& flags) {
    command
        .add_option("--state", flags.state,
                    "An output that becomes an input of the next run and stays on the device; with --each or --repeat. "
                    "The first run gets --input's value, else zeros of the declared type or of --shape")
        ->option_text("OUTPUT=INPUT")
        ->allow_extra_args(false)
        ->group("Input and output");
}

session::Precision precision_of(const SessionFlags& flags) {
    return session::find_precision(flags.precision).value_or(session::Precision::fp32);
}

session::SessionOptions session_options(const importer::Model& model, const SessionFlags& flags) {
    session::SessionOptions out;
    out.precision = precision_of(flags);
    std::vector<std::string> outputs;
    for (const auto& output : model.outputs())
        outputs.push_back(output.name);
    for (const auto& pair : flags.state) {
        const auto [output, input] = named_value(pair, "--state");
        if (std::find(outputs.begin(), outputs.end(), output) == outputs.end()) {
            throw UsageError(text("--state: the model has no output '", output, "'", did_you_mean(output, outputs),
                                  "\n  its outputs: ", joined(outputs)));
        }
        (void)find_input(model, input, "--state");
        out.state.push_back({output, input});
    }
    return out;
}

std::vector<std::string> state_inputs(const SessionFlags& flags) {
    std::vector<std::string> out;
    for (const auto& pair : flags.state)
        out.push_back(named_value(pair, "--state").second);
    return out;
}

}  // namespace shoal::cli
