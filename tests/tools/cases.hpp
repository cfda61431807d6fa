// What the tools share: folders in the layout of the ONNX backend tests (model.onnx, test_data_set_K/input_I.pb and
// output_I.pb), devices by name, and running a model on one.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "importer/lowering.hpp"
#include "runtime/backend.hpp"
#include "support/compare.hpp"

namespace shoal::tools {

using tensor::Tensor;

/// The backend for `--device NAME`; throws invalid_argument naming those that there are.
[[nodiscard]] std::shared_ptr<runtime::Backend> open_device(const std::string& name);

/// One test_data_set: inputs by name, and the outputs that are expected, in order.
struct DataSet {
    std::map<std::string, Tensor> inputs;
    std::vector<Tensor> outputs;
};

/// The folders test_data_set_* of a test, in order.
[[nodiscard]] std::vector<std::filesystem::path> data_sets(const std::filesystem::path& test);
[[nodiscard]] DataSet read_data_set(const std::filesystem::path& folder, const importer::Model& model);

[[nodiscard]] std::vector<Tensor> run_model(const importer::Model& model, const std::map<std::string, Tensor>& inputs,
                                            runtime::Backend& backend);

/// "" when all outputs agree, else what differs first. `steps`: by how much integers narrower than 32 bits may differ.
[[nodiscard]] std::string compare(const std::vector<Tensor>& got, const std::vector<Tensor>& want,
                                  test::Tolerance real, test::Tolerance half, int steps);

}  // namespace shoal::tools
