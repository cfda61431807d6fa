// Runs of one session one after the other: the same inputs again, or a sequence whose state goes from run to run.
#pragma once

#include <vector>

#include "cli/input_values.hpp"
#include "cli/session_flags.hpp"
#include "cli/timing.hpp"

namespace shoal::cli {

struct Turns {
    int repeat = 1;
    bool each = false;  ///< every row of the inputs is a run of its own
};

/// The values of each run, in order: state only in the first one, where --input or --shape says what it starts from.
/// Runs that are all alike are one entry.
[[nodiscard]] std::vector<session::Inputs> runs_of(const std::vector<InputValue>& given,
                                                   const importer::Bindings& bindings, const SessionFlags& flags,
                                                   const Turns& turns);

/// Runs them all; the outputs of all of them along axis 0 with `each`, else those of the last.
[[nodiscard]] session::Outputs run_in_turn(session::Session& session, const std::vector<session::Inputs>& runs,
                                           const Turns& turns, Times& times);

}  // namespace shoal::cli
