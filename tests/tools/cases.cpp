#include "tools/cases.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "opencl/backend.hpp"
#include "optimize/optimize.hpp"
#include "platform/files.hpp"
#include "runtime/host_backend.hpp"
#include "tools/boards.hpp"

namespace shoal::tools {

namespace fs = std::filesystem;

namespace {

bool is_host(const std::string& name) {
    return name == "host" || name == "optimised";
}

}  // namespace

bool can_open(const std::string& name) {
    return is_host(name) || !opencl::discover().devices.empty();
}

Device open_device(const std::string& name) {
    if (is_host(name)) return {runtime::make_host_backend(), name == "optimised"};
    const auto found = opencl::discover();
    opencl::BackendOptions options;
    if (const char* kernels = std::getenv("SHOAL_TEST_KERNELS")) options.kernels = device::kernel_class_named(kernels);
    return {opencl::make_backend(opencl::choose(found.devices, name), options), true};
}

std::vector<Device> open_devices(const std::string& name, int count) {
    std::vector<Device> out;
    for (int i = 0; i < count; ++i)
        out.push_back(open_device(name));
    return out;
}

std::vector<fs::path> data_sets(const fs::path& test) {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(test)) {
        if (entry.is_directory() && entry.path().filename().string().rfind("test_data_set_", 0) == 0)
            out.push_back(entry.path());
    }
    std::sort(out.begin(), out.end());
    return out;
}

namespace {

// The ONNX releases that knew no bf16 arrays stored their bits as u16.
Tensor read(const fs::path& file, const importer::ValueInfo& declared) {
    Tensor out = importer::read_tensor(platform::map_file(file).bytes);
    if (declared.element != tensor::ElementType::bf16 || out.element() != tensor::ElementType::u16) return out;
    return Tensor(tensor::Type{tensor::ElementType::bf16, out.shape()}, out.shared_bytes());
}

}  // namespace

DataSet read_data_set(const fs::path& folder, const importer::Model& model) {
    DataSet out;
    std::size_t next = 0;
    for (const auto& input : model.inputs()) {
        if (input.has_default) continue;
        const auto file = folder / ("input_" + std::to_string(next++) + ".pb");
        if (fs::exists(file)) out.inputs.emplace(input.name, read(file, input));
    }
    for (std::size_t i = 0; i < model.outputs().size(); ++i)
        out.outputs.push_back(read(folder / ("output_" + std::to_string(i) + ".pb"), model.outputs()[i]));
    return out;
}

std::vector<Tensor> run_model(const importer::Model& model, const std::map<std::string, Tensor>& inputs,
                              const std::vector<Device>& boards) {
    const Device& device = boards.front();
    return importer::evaluate(model, inputs, [&](const graph::Graph& graph, const std::vector<Tensor>& arguments) {
        graph::validate(graph);
        if (boards.size() > 1) return run_split(graph, arguments, boards);
        const auto executable = device.backend->compile(device.optimise ? optimize::optimize(graph) : graph);
        return runtime::run_on_host_tensors(*device.backend, *executable, arguments);
    });
}

std::string compare(const std::vector<Tensor>& got, const std::vector<Tensor>& want, const Closeness& close) {
    if (got.size() != want.size()) return base::text(got.size(), " outputs, want ", want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
        const auto element = want[i].element();
        // A tolerance is relative to the largest value, which for exact steps is taken out again.
        double largest = 1;
        for (const double value : tensor::to_doubles(want[i])) {
            if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
        }
        test::Tolerance tolerance = tensor::bits(element) == 16 ? close.half : close.real;
        double slack = i < close.slack.size() ? close.slack[i] : 0;
        if (!tensor::is_floating(element)) {
            tolerance = {};
            slack = tensor::is_integer(element) && tensor::bits(element) < 32 ? close.steps : 0;
        }
        tolerance.absolute += slack * 1.0001 / largest;
        const auto difference = test::difference(got[i], want[i], tolerance);
        if (!difference.empty()) return base::text("output ", i, ": ", difference);
    }
    return "";
}

fs::path shared_folder(const std::string& name) {
    const char* given = std::getenv("SHOAL_SHARED");
    return (given != nullptr ? fs::path(given) : fs::path(SHOAL_SOURCE_DIR).parent_path() / "shared") / name;
}

}  // namespace shoal::tools
