// Whether a model's names hang together: every name made once and before it is read, no cycles, no functions that call
// themselves. What passes here can be walked in order without looking for holes.
#pragma once

#include "importer/source.hpp"

namespace shoal::importer {

/// Puts the operators of `body`, whose nested bodies are settled already, into an order in which they can run (theirs,
/// where that is one) and fills in `captured`. Throws invalid_model naming the operators for a name made twice, one
/// that nothing makes, or a cycle. `complete`: nothing may be captured (main graph, functions).
void settle(SourceBody& body, bool complete);

/// Throws invalid_model when the model's functions call each other in a circle, or more than 100 deep.
void expect_no_recursion(const SourceModel& model);

}  // namespace shoal::importer
