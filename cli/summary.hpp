// What an output holds, for people who did not ask for the file: its range, its values when they are few, and the best
// classes when it looks like a classifier's.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tensor/tensor.hpp"

namespace shoal::cli {

struct Summary {
    std::int64_t finite = 0, not_finite = 0;   ///< elements
    double least = 0, greatest = 0, mean = 0;  ///< of the finite ones; 0 when there are none
};
[[nodiscard]] Summary summarise(const tensor::Tensor& tensor);

struct Class {
    std::int64_t index;
    double value;
    double probability;  ///< the value itself where all of them are probabilities, else its softmax
};
/// The `most` greatest of one row of scores ([1, C] or [1, C, 1, 1] of reals, C at least 2), best first; empty for
/// anything else.
[[nodiscard]] std::vector<Class> best_classes(const tensor::Tensor& tensor, std::size_t most = 5);

/// One label a line. Throws not_found or io.
[[nodiscard]] std::vector<std::string> read_labels(const std::string& path);

/// A few lines: type and range, then values or classes below it.
[[nodiscard]] std::string summary_text(const std::string& name, const tensor::Tensor& tensor,
                                       const std::vector<std::string>& labels);
[[nodiscard]] nlohmann::ordered_json summary_json(const std::string& name, const tensor::Tensor& tensor,
                                                  const std::vector<std::string>& labels);

}  // namespace shoal::cli
