#include "capi/support.hpp"

#include <optional>
#include <set>

#include "base/file.hpp"
#include "base/log.hpp"
#include "node/overlap.hpp"
#include "opencl/backend.hpp"
#include "opencl/selection.hpp"
#include "runtime/host_backend.hpp"

namespace shoal::capi {

using base::Code;
using base::fail;

namespace {

using opencl::kBest;
using opencl::kHost;

std::string& last_error() {
    thread_local std::string text;
    return text;
}

std::shared_ptr<runtime::Backend> open_part(const opencl::SubDevice& part, const DeviceChoice& choice) {
    opencl::BackendOptions options;
    options.programs.kernel_folder = choice.kernel_folder;
    return opencl::make_backend(part.found, options);
}

// As opencl::choose, with why drivers were passed over.
const opencl::FoundDevice& choose(const opencl::Discovery& found, const std::string& wish) {
    try {
        return opencl::choose(found.devices, wish.empty() ? kBest : wish);
    } catch (const base::Error& error) {
        std::string text = error.what();
        for (const auto& problem : found.problems)
            text += "\n  " + problem;
        throw base::Error(error.code(), text);
    }
}

void check_cancelled(const DeviceChoice& choice) {
    if (choice.cancelled && choice.cancelled()) fail(Code::cancelled, "looking for devices was cancelled");
}

void check_threads(const DeviceChoice& choice) {
    if (choice.threads < 0) fail(Code::invalid_argument, choice.threads, " threads");
}

std::vector<std::shared_ptr<runtime::Backend>> without_overlaps(
    std::vector<std::shared_ptr<runtime::Backend>> devices) {
    if (devices.size() < 2) return devices;
    std::set<std::size_t> leave;
    for (const auto& overlap : node::overlapping(devices)) {
        leave.insert(overlap.device);
        base::log_warning("capi", "device ", devices[overlap.device]->device().id,
                          " is left out: it computes on the cores of ", devices[overlap.with]->device().id);
    }
    std::vector<std::shared_ptr<runtime::Backend>> out;
    for (std::size_t i = 0; i < devices.size(); ++i) {
        if (!leave.contains(i)) out.push_back(std::move(devices[i]));
    }
    return out;
}

}  // namespace

shoal_status remember(shoal_status status, const char* text) noexcept {
    try {
        last_error() = text;
    } catch (...) {
        last_error().clear();  // no memory even for the words; the code says enough
    }
    return status;
}

shoal_status remember_exception() noexcept {
    try {
        throw;
    } catch (const base::Error& error) {
        return remember(static_cast<shoal_status>(error.code()), error.what());
    } catch (const std::bad_alloc&) {
        return remember(SHOAL_OUT_OF_MEMORY, "no memory is left");
    } catch (const std::system_error& error) {  // a thread that the system does not let start, a file
        return remember(static_cast<shoal_status>(base::code_of(error.code())), error.what());
    } catch (const std::exception& error) {
        return remember(SHOAL_INTERNAL, error.what());
    } catch (...) {
        return remember(SHOAL_INTERNAL, "something was thrown that is no exception");
    }
}

shoal_status left_out(const char* part, const char* option) noexcept {
    return guarded([&] {
        fail(Code::unsupported, "this libshoal was built without ", part, "; build it with -D", option, "=ON");
    });
}

void expect(const void* given, const char* what) {
    if (given == nullptr) fail(Code::invalid_argument, what, " is NULL");
}

void check_struct_size(std::size_t given, const char* what) {
    if (given < sizeof(std::size_t) || given > kLargestStruct)
        fail(Code::invalid_argument, "struct_size of ", what, " is ", given, "; set it to sizeof the structure");
}

void check_rest_is_zero(const void* options, std::size_t known, std::size_t given) {
    if (given <= known) return;
    const auto* rest = static_cast<const unsigned char*>(options) + known;
    if (std::any_of(rest, rest + (given - known), [](unsigned char byte) { return byte != 0; }))
        fail(Code::unsupported, "the options of ", given, " bytes set what this libshoal, ", shoal_version(),
             ", does not know: it knows ", known, " bytes of them");
}

std::chrono::milliseconds wait_of(std::int64_t given_ms, std::chrono::milliseconds otherwise, const char* field) {
    if (given_ms < 0) fail(Code::invalid_argument, field, " is ", given_ms);
    constexpr std::int64_t kMost = std::chrono::milliseconds(base::kLongestWait).count();
    return given_ms == 0 ? otherwise : std::chrono::milliseconds(std::min(given_ms, kMost));
}

opencl::Discovery find_devices(std::int64_t driver_timeout_ms) {
    opencl::DiscoveryOptions options;
    options.drivers.patience = wait_of(driver_timeout_ms, options.drivers.patience, "driver_timeout_ms");
    return opencl::discover(options);
}

std::function<bool()> asks(const shoal_cancellation* cancellation) {
    if (cancellation == nullptr) return {};
    expect(cancellation, "the cancellation");
    return [flag = cancellation->flag] { return flag.cancelled(); };
}

tensor::Type type_of(const shoal_tensor& view) {
    if (view.element < SHOAL_F32 || view.element > SHOAL_U4)
        fail(Code::invalid_argument, "element type ", static_cast<int>(view.element), " is none; there are 1 to ",
             tensor::kElementTypeCount);
    if (view.rank < 0 || view.rank > tensor::kMaxRank)
        fail(Code::invalid_argument, "a tensor of rank ", view.rank, "; there may be 0 to ", tensor::kMaxRank);
    if (view.rank > 0) expect(view.shape, "a tensor's shape");
    std::vector<std::int64_t> extents(view.shape, view.shape + (view.rank > 0 ? view.rank : 0));
    return {static_cast<tensor::ElementType>(view.element), tensor::Shape(std::move(extents))};
}

tensor::Tensor copy_of(const shoal_tensor& view) {
    auto type = type_of(view);
    if (view.bytes != type.size_bytes())
        fail(Code::invalid_argument, view.bytes, " bytes for ", type, ", which takes ", type.size_bytes());
    if (view.bytes > 0) expect(view.data, "a tensor's data");
    tensor::Tensor out(std::move(type));
    if (view.bytes > 0) std::memcpy(out.edit().data(), view.data, view.bytes);
    return out;
}

shoal_tensor view_of(const tensor::Tensor& tensor) {
    return {static_cast<shoal_element>(tensor.element()), tensor.shape().rank(), tensor.shape().extents().data(),
            tensor.bytes().data(), tensor.bytes().size()};
}

std::vector<std::string> texts_of(const char* const* texts, std::size_t count, const char* what) {
    if (count > 0) expect(texts, what);
    std::vector<std::string> out;
    for (const char* text : std::span(texts, count)) {
        expect(text, what);
        out.emplace_back(text);
    }
    return out;
}

std::shared_ptr<runtime::Backend> open_backend(const std::string& wish, const DeviceChoice& choice) {
    check_threads(choice);
    if (wish == kHost) return runtime::make_host_backend();
    const auto found = find_devices(choice.driver_timeout_ms);
    const auto& chosen = choose(found, wish);
    return open_part(
        choice.threads > 0 ? opencl::limit_threads(chosen, choice.threads) : opencl::SubDevice{chosen, nullptr},
        choice);
}

std::vector<std::shared_ptr<runtime::Backend>> open_backends(const std::vector<std::string>& wishes,
                                                             const DeviceChoice& choice) {
    check_threads(choice);
    std::optional<opencl::Discovery> found;
    const opencl::SelectionSource source{[&]() -> const opencl::Discovery& {
                                             check_cancelled(choice);
                                             if (!found) found = find_devices(choice.driver_timeout_ms);
                                             return *found;
                                         },
                                         choose, [&] { check_cancelled(choice); }};
    std::vector<std::shared_ptr<runtime::Backend>> out;
    for (const auto& part : opencl::select(wishes, choice.threads, source))
        out.push_back(part ? open_part(*part, choice) : runtime::make_host_backend());
    return without_overlaps(std::move(out));
}

}  // namespace shoal::capi

const char* shoal_last_error(void) {
    return shoal::capi::last_error().c_str();
}
