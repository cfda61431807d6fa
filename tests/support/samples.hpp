// Sample operators: the test rows of the cards. Whoever tests something about every operator (splits, kernels, the
// wire) walks this table; a new card adds its rows to samples.cpp, and samples_test holds that none is missing.
#pragma once

#include <string>
#include <vector>

#include "graph/card.hpp"
#include "graph/graph.hpp"
#include "graph/scalar_function.hpp"
#include "support/random.hpp"

namespace shoal::test {

struct Sample {
    std::string name;           ///< card and what is special, e.g. "conv 3x3 stride 2"
    graph::Graph graph;         ///< one operator, all of its inputs inputs of the graph
    double low = -2, high = 2;  ///< range of generated inputs

    [[nodiscard]] std::vector<tensor::Tensor> inputs(std::mt19937& random) const;
};

/// Odd shapes on purpose: 1, 3, 13 beside 16. f32 unless the row says otherwise.
[[nodiscard]] std::vector<Sample> operator_samples();

/// A sample of these inputs; a type of rank 0 and element boolean stands for an input that is left out.
[[nodiscard]] Sample one_operator(const std::string& what, const graph::Card& card,
                                  const std::vector<tensor::Type>& inputs, graph::Attrs attrs = {});
/// Makes the inputs' range one for which the scalar function is defined.
void fit_range(Sample& row, const graph::ScalarFunction& fn);

}  // namespace shoal::test
