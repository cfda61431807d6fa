#include "opencl/backend.hpp"

#include "base/error.hpp"
#include "device/kernel_file.hpp"
#include "opencl/executable.hpp"
#include "opencl/open_device.hpp"
#include "opencl/rates.hpp"

namespace shoal::opencl {
namespace {

class OpenClBackend final : public runtime::Backend {
public:
    OpenClBackend(const FoundDevice& device, const BackendOptions& options)
        : open_(std::make_shared<OpenDevice>(device, options)) {}

    [[nodiscard]] const device::DeviceInfo& device() const noexcept override { return open_->device().info; }
    [[nodiscard]] device::KernelTable kernels() const override { return open_->kernels(); }
    [[nodiscard]] device::Rates measure_rates() override {
        RatesOptions options;
        options.program = open_->program_options();
        return rates_of(open_->device(), options);
    }
    [[nodiscard]] std::unique_ptr<runtime::Executable> compile(runtime::Graph graph,
                                                               const runtime::RunOptions& options) override {
        runtime::check_still_wanted(options);
        return make_executable(open_, std::move(graph));
    }
    [[nodiscard]] runtime::BufferPtr upload(tensor::Tensor tensor, const runtime::RunOptions& options) override {
        return std::make_shared<DeviceBuffer>(
            open_, open_->place(tensor.shared_bytes(), OpenDevice::Use::runs, options), tensor.type());
    }

    [[nodiscard]] const std::shared_ptr<OpenDevice>& open() const noexcept { return open_; }

private:
    std::shared_ptr<OpenDevice> open_;
};

}  // namespace

std::shared_ptr<runtime::Backend> make_backend(const FoundDevice& device, const BackendOptions& options) {
    return std::make_shared<OpenClBackend>(device, options);
}

std::shared_ptr<OpenDevice> open_device_of(runtime::Backend& backend) {
    auto* own = dynamic_cast<OpenClBackend*>(&backend);
    if (own == nullptr)
        base::fail(base::Code::invalid_argument, "device '", backend.device().name, "' is not an OpenCL device");
    return own->open();
}

ExportTotals store_exports(runtime::Backend& backend) {
    const auto open = open_device_of(backend);
    const auto& folder = open->program_options().export_folder;
    const auto totals = open->programs().store_exports();  // makes the folder
    if (!folder.empty() && !open->kernels().variants.empty())
        device::save_kernel_table(folder / kKernelTableName, open->device().info, open->kernels());
    return totals;
}

}  // namespace shoal::opencl
