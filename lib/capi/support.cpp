#include "capi/support.hpp"

#include "opencl/backend.hpp"
#include "opencl/discovery.hpp"
#include "opencl/sub_device.hpp"
#include "runtime/host_backend.hpp"

namespace shoal::capi {

using base::Code;
using base::fail;

namespace {

std::string& last_error() {
    thread_local std::string text;
    return text;
}

std::shared_ptr<runtime::Backend> open_found(const opencl::Discovery& found, const std::string& wish, int threads,
                                             const std::string& kernel_folder) {
    const auto& chosen = opencl::choose(found.devices, wish.empty() ? "best" : wish);
    const auto part = threads > 0 ? opencl::limit_threads(chosen, threads) : opencl::SubDevice{chosen, nullptr};
    opencl::BackendOptions options;
    options.programs.kernel_folder = kernel_folder;
    return opencl::make_backend(part.found, options);
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

std::vector<std::shared_ptr<runtime::Backend>> open_backends(const std::vector<std::string>& wishes, int threads,
                                                             const std::string& kernel_folder) {
    if (threads < 0) fail(Code::invalid_argument, threads, " threads");
    std::optional<opencl::Discovery> found;
    std::vector<std::shared_ptr<runtime::Backend>> out;
    for (const auto& wish : wishes) {
        if (wish == "host") {
            out.push_back(runtime::make_host_backend());
            continue;
        }
        if (!found) found = opencl::discover();
        try {
            out.push_back(open_found(*found, wish, threads, kernel_folder));
        } catch (const base::Error& error) {
            std::string text = error.what();
            for (const auto& problem : found->problems)
                text += "\n  " + problem;
            throw base::Error(error.code(), text);
        }
    }
    return out;
}

}  // namespace shoal::capi

const char* shoal_last_error(void) {
    return shoal::capi::last_error().c_str();
}
