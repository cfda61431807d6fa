#include "opencl/blas.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/log.hpp"
#include "opencl/handles.hpp"

#ifdef SHOAL_CLBLAST
#include <clblast_c.h>
#include <dlfcn.h>
#endif

namespace shoal::opencl {

#ifdef SHOAL_CLBLAST

namespace {

struct Library {
    decltype(&CLBlastSgemm) one = nullptr;
    decltype(&CLBlastSgemmStridedBatched) many = nullptr;
};

// Loaded once and kept: a library with threads and static objects is not unloaded safely.
const Library* library() {
    static const Library found = [] {
        Library out;
        void* handle = dlopen("libclblast.so.1", RTLD_NOW | RTLD_LOCAL);
        if (handle == nullptr) return out;
        out.one = reinterpret_cast<decltype(out.one)>(dlsym(handle, "CLBlastSgemm"));
        out.many = reinterpret_cast<decltype(out.many)>(dlsym(handle, "CLBlastSgemmStridedBatched"));
        return out;
    }();
    return found.one != nullptr && found.many != nullptr ? &found : nullptr;
}

}  // namespace

bool has_blas() {
    return library() != nullptr;
}

void enqueue_blas(const BlasProduct& product, BlasOperand a, BlasOperand b, BlasOperand c, cl_command_queue queue,
                  cl_event* event) {
    const Library* own = library();
    if (own == nullptr) base::fail(base::Code::internal, "a matrix product for CLBlast, which is not there");
    const auto size = [](std::int64_t value) { return static_cast<std::size_t>(value); };
    const auto turned = product.transposed ? CLBlastTransposeYes : CLBlastTransposeNo;
    const auto m = size(product.rows), n = size(product.columns), k = size(product.inner);
    const auto b_line = product.transposed ? k : n;
    const auto status = product.batches == 1
                            ? own->one(CLBlastLayoutRowMajor, CLBlastTransposeNo, turned, m, n, k, 1, a.memory, a.first,
                                       k, b.memory, b.first, b_line, 0, c.memory, c.first, n, &queue, event)
                            : own->many(CLBlastLayoutRowMajor, CLBlastTransposeNo, turned, m, n, k, 1, a.memory,
                                        a.first, k, m * k, b.memory, b.first, b_line, k * n, 0, c.memory, c.first, n,
                                        m * n, size(product.batches), &queue, event);
    if (status != CLBlastSuccess)
        base::fail(base::Code::device, "CLBlast: status ", static_cast<int>(status), " of a product of ", m, "x", k,
                   " by ", k, "x", n, ", ", product.batches, " times");
}

namespace {

// Small whole numbers, whose products are exact in f32.
std::vector<float> numbers(std::size_t count, int step) {
    std::vector<float> out(count);
    for (std::size_t i = 0; i < count; ++i)
        out[i] = static_cast<float>(static_cast<int>(i) * step % 7 - 3);
    return out;
}

bool is_right(const BlasProduct& product, cl_context context, cl_command_queue queue) {
    const auto rows = static_cast<std::size_t>(product.rows), columns = static_cast<std::size_t>(product.columns),
               inner = static_cast<std::size_t>(product.inner), batches = static_cast<std::size_t>(product.batches);
    auto a = numbers(batches * rows * inner, 5), b = numbers(batches * inner * columns, 3);
    std::vector<float> c(batches * rows * columns, std::nanf(""));  // beta 0 must not let it through
    const auto placed = [&](std::vector<float>& values) {
        return make_memory(context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, values.size() * sizeof(float),
                           values.data());
    };
    const auto a_memory = placed(a), b_memory = placed(b), c_memory = placed(c);
    enqueue_blas(product, {a_memory.get(), 0}, {b_memory.get(), 0}, {c_memory.get(), 0}, queue, nullptr);
    check(
        clEnqueueReadBuffer(queue, c_memory.get(), CL_TRUE, 0, c.size() * sizeof(float), c.data(), 0, nullptr, nullptr),
        "clEnqueueReadBuffer", "of CLBlast's result");
    for (std::size_t i = 0; i < c.size(); ++i) {
        const std::size_t batch = i / columns / rows, row = i / columns % rows, column = i % columns;
        float sum = 0;
        for (std::size_t k = 0; k < inner; ++k) {
            const std::size_t at = product.transposed ? column * inner + k : k * columns + column;
            sum += a[(batch * rows + row) * inner + k] * b[batch * inner * columns + at];
        }
        if (c[i] != sum) return false;
    }
    return true;
}

}  // namespace

bool blas_works(cl_context context, cl_command_queue queue) {
    if (!has_blas()) return false;
    // Both of its kernels, whose choice depends on the size, and both layouts.
    constexpr std::array kTrials{BlasProduct{false, 17, 33, 9, 3}, BlasProduct{true, 33, 17, 20, 1},
                                 BlasProduct{true, 520, 530, 8, 1}};
    try {
        const bool right = std::all_of(kTrials.begin(), kTrials.end(),
                                       [&](const BlasProduct& product) { return is_right(product, context, queue); });
        if (!right) base::log_warning("opencl", "CLBlast multiplies wrongly on this device and is not used");
        return right;
    } catch (const base::Error& error) {
        base::log_warning("opencl", "CLBlast is not used on this device: ", error.what());
        return false;
    }
}

#else

bool has_blas() {
    return false;
}

void enqueue_blas(const BlasProduct&, BlasOperand, BlasOperand, BlasOperand, cl_command_queue, cl_event*) {
    base::fail(base::Code::internal, "a matrix product for CLBlast, which this build is without");
}

bool blas_works(cl_context, cl_command_queue) {
    return false;
}

#endif

}  // namespace shoal::opencl
