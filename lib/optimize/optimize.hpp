// Graph -> graph: the same results with less work. What an importer lowers is plain and wordy; what leaves here has its
// transposes cancelled, its constants folded into weights, and its operators grouped into kernels.
#pragma once

#include "graph/graph.hpp"

namespace shoal::optimize {

using graph::Graph;

/// All passes in order: share, sink transposes, fold scales, pad few channels, share, fuse. Results differ from the
/// input's only by the rounding that folding constants brings (relative 1e-6 for f32). Pure; does not look at any
/// device.
[[nodiscard]] Graph optimize(Graph graph);

/// Equal operators on equal values become one; equal constants too.
[[nodiscard]] Graph share_equal(const Graph& graph);

/// Moves transposes towards the outputs, through whatever works on axes one by one, until they meet their inverse.
/// Channels-last convolutions that an importer wrapped in transposes end up back to back.
[[nodiscard]] Graph sink_transposes(const Graph& graph);

/// Multiplications and additions by constants behind a convolution or matrix product move into its weights and into one
/// addition behind it (batch normalisation disappears). f32 and f64 only.
[[nodiscard]] Graph fold_scales(const Graph& graph);

/// Padding of a convolution over few channels (a picture's three) becomes an operator of its own, which is done while
/// the picture's layout is changed: rows of taps then lie side by side in memory, and none of them must be asked for.
[[nodiscard]] Graph pad_few_channels(const Graph& graph);

/// Sets Op::group and the operators' order: which operators run as one kernel.
///  - A contraction (conv, matmul) or pool takes the element-wise chain behind it as its epilogue.
///  - Element-wise, movement and gather operators join their reader when each element is read about once.
///  - Reductions over the same axes of the same shape join with what is element-wise between them (softmax, layer
///  norm).
///  - Everything else runs alone. A reshape alone costs nothing: devices treat it as another view of its input.
[[nodiscard]] Graph fuse(const Graph& graph);

/// f32 becomes f16 wherever it is kept: weights and what goes from kernel to kernel. Inputs and outputs keep their
/// types, f64 and integers stay, and so do recurrent cells and running sums. Results differ by what halves round
/// (relative 1e-3) and become infinite beyond 65504. Goes before optimize().
[[nodiscard]] Graph half_precision(const Graph& graph);

}  // namespace shoal::optimize
