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

/// Where models run: on the plain host loops, or optimised on an OpenCL device.
struct Device {
    std::shared_ptr<runtime::Backend> backend;
    bool optimise = false;
};
/// The device for `--device NAME`: "host", "optimised" (the host loops behind the optimiser), else what
/// opencl::choose() makes of the name, with kernels of the class $SHOAL_TEST_KERNELS. Throws what it throws.
[[nodiscard]] Device open_device(const std::string& name);
/// False when the name asks for OpenCL and this machine has no device of it.
[[nodiscard]] bool can_open(const std::string& name);
/// The same device opened several times: boards of one kind that share nothing.
[[nodiscard]] std::vector<Device> open_devices(const std::string& name, int count);

/// One test_data_set: inputs by name, and the outputs that are expected, in order.
struct DataSet {
    std::map<std::string, Tensor> inputs;
    std::vector<Tensor> outputs;
};

/// The folders test_data_set_* of a test, in order.
[[nodiscard]] std::vector<std::filesystem::path> data_sets(const std::filesystem::path& test);
[[nodiscard]] DataSet read_data_set(const std::filesystem::path& folder, const importer::Model& model);

/// Runs a model on one device, or split over several (see boards.hpp).
[[nodiscard]] std::vector<Tensor> run_model(const importer::Model& model, const std::map<std::string, Tensor>& inputs,
                                            const std::vector<Device>& boards);

/// How far outputs may be off.
struct Closeness {
    test::Tolerance real{}, half{};  ///< f32 and f64; f16 and bf16
    int steps = 0;                   ///< integers narrower than 32 bits
    /// For each output what it may be off besides: one step, where it is dequantised. Empty: nothing.
    std::vector<double> slack{};
};

/// "" when all outputs agree, else what differs first.
[[nodiscard]] std::string compare(const std::vector<Tensor>& got, const std::vector<Tensor>& want,
                                  const Closeness& close);

/// The folder `name` of the test data that is no part of the tree: below $SHOAL_SHARED, else beside the source tree.
[[nodiscard]] std::filesystem::path shared_folder(const std::string& name);
/// What a test run takes for "skipped".
inline constexpr int kSkipped = 77;

}  // namespace shoal::tools
