#include "opencl/rates.hpp"

#include <algorithm>
#include <functional>
#include <vector>

#include "opencl/kernel_table.hpp"

namespace shoal::opencl {
namespace {

using Clock = std::chrono::steady_clock;
using device::Kind;
using device::Rates;

constexpr double kEnough_s = 0.004;       // a measured run takes this long at least, unless the device is too slow
constexpr double kBudget_s = 0.05;        // for the repetitions of one figure
constexpr std::size_t kLane16Bytes = 64;  // a float16
constexpr std::size_t kLargestStream = std::size_t{64} << 20;  // beyond the last-level caches of the boards we know

double seconds_of(const std::function<void()>& run) {
    const auto start = Clock::now();
    run();
    return std::max(std::chrono::duration<double>(Clock::now() - start).count(), 1e-9);  // below any clock's tick
}

// Up to `most` runs, fewer when they are slow; sorted.
std::vector<double> timed(const std::function<void()>& run, int most) {
    std::vector<double> times;
    double spent = 0;
    while (static_cast<int>(times.size()) < most && (times.empty() || spent < kBudget_s)) {
        times.push_back(seconds_of(run));
        spent += times.back();
    }
    std::sort(times.begin(), times.end());
    return times;
}

// What the device can do: whatever else runs on the board meanwhile only adds time.
double best_seconds(const std::function<void()>& run, int most) {
    return timed(run, most).front();
}

double median_seconds(const std::function<void()>& run, int most) {
    const auto times = timed(run, most);
    return times[times.size() / 2];
}

class Measurement {
public:
    Measurement(const FoundDevice& device, const ProgramOptions& options)
        : device_(device),
          context_(make_context(device.handle)),
          queue_(make_queue(context_.get(), device.handle)),
          programs_(context_.get(), device, options),
          program_(programs_.build(rates_program(device)).program) {}

    [[nodiscard]] Rates all() {
        Rates out;
        out.flops_per_s = flops();
        out.bytes_per_s = stream();
        launches(out);
        (void)programs_.store_exports();
        return out;
    }

private:
    [[nodiscard]] double flops();
    [[nodiscard]] double stream();
    [[nodiscard]] double stream_seconds(cl_kernel kernel, std::size_t size_bytes, int most);
    void launches(Rates& out);
    void enqueue(cl_kernel kernel, std::size_t global, std::size_t local);
    void finish() { check(clFinish(queue_.get()), "clFinish", device_.info.name); }

    const FoundDevice& device_;
    ContextHandle context_;
    QueueHandle queue_;
    ProgramBuilder programs_;
    ProgramHandle program_;
};

void Measurement::enqueue(cl_kernel kernel, std::size_t global, std::size_t local) {
    check(clEnqueueNDRangeKernel(queue_.get(), kernel, 1, nullptr, &global, local != 0 ? &local : nullptr, 0, nullptr,
                                 nullptr),
          "clEnqueueNDRangeKernel", "measuring ", device_.info.name);
}

// A CPU's compute unit runs one item at a time and its lanes are in the item; a GPU wants many groups of many items.
double Measurement::flops() {
    constexpr int kChains = 12;  // as in rates.cl
    const bool cpu = device_.info.kind == Kind::cpu && device_.info.f32_vector_width > 1;
    const std::size_t local = cpu ? 1 : std::min<std::size_t>(device_.info.largest_group, 64);
    const std::size_t items = static_cast<std::size_t>(device_.info.compute_units) * (cpu ? 4 : 32) * local;
    const auto width = static_cast<std::size_t>(device_.info.f32_vector_width);
    const auto kernel = make_kernel(program_.get(), "rates_fma");
    const auto out = make_memory(context_.get(), CL_MEM_WRITE_ONLY, items * width * sizeof(float));
    set_argument(kernel.get(), 0, out.get());
    set_argument(kernel.get(), 1, 0.999f);
    set_argument(kernel.get(), 2, 0.001f);
    cl_int iterations = 1;
    const auto run = [&] {
        set_argument(kernel.get(), 3, iterations);
        enqueue(kernel.get(), items, local);
        finish();
    };
    run();  // compiling, where that is left to the first launch
    while (iterations < (1 << 24) && seconds_of(run) < kEnough_s)
        iterations *= 4;
    const double seconds = best_seconds(run, 9);
    return 2.0 * kChains * static_cast<double>(items * width) * iterations / seconds;
}

double Measurement::stream_seconds(cl_kernel kernel, std::size_t size_bytes, int most) {
    const auto from = make_memory(context_.get(), CL_MEM_READ_WRITE, size_bytes);
    const auto to = make_memory(context_.get(), CL_MEM_READ_WRITE, size_bytes);
    const auto run = [&] {
        enqueue(kernel, size_bytes / kLane16Bytes, 0);
        finish();
    };
    set_argument(kernel, 0, to.get());  // once the other way, so that both have been written
    set_argument(kernel, 1, from.get());
    run();
    set_argument(kernel, 0, from.get());
    set_argument(kernel, 1, to.get());
    run();
    return best_seconds(run, most);
}

double Measurement::stream() {
    const auto kernel = make_kernel(program_.get(), "rates_stream");
    const std::uint64_t limit =
        std::min<std::uint64_t>({kLargestStream, device_.info.usable_bytes / 4, device_.info.largest_allocation});
    const auto largest = std::max<std::size_t>(static_cast<std::size_t>(limit) / kLane16Bytes, 1) * kLane16Bytes;
    // A simulator or a very slow board must not be sent away for minutes: grow until a pass takes long enough.
    std::size_t size = std::min<std::size_t>(largest, std::size_t{64} << 10);
    while (size < largest && stream_seconds(kernel.get(), size, 5) < kEnough_s / 8)
        size = std::min(largest, size * 32);
    return 2.0 * static_cast<double>(size) / stream_seconds(kernel.get(), size, 9);
}

void Measurement::launches(Rates& out) {
    constexpr int kQueued = 100;
    const auto kernel = make_kernel(program_.get(), "rates_empty");
    const auto one = [&] {
        enqueue(kernel.get(), 1, 1);
        finish();
    };
    one();
    out.round_trip_s = median_seconds(one, 51);
    const auto many = [&] {
        for (int i = 0; i < kQueued; ++i)
            enqueue(kernel.get(), 1, 1);
        finish();
    };
    out.launch_s = std::max(median_seconds(many, 5) - out.round_trip_s, 0.0) / (kQueued - 1);
}

}  // namespace

ProgramSource rates_program(const FoundDevice& device) {
    return {"rates", std::string(kernel_text("rates")), base::text("-DWIDTH=", device.info.f32_vector_width)};
}

Rates measure_rates(const FoundDevice& device, const ProgramOptions& options) {
    return Measurement(device, options).all();
}

}  // namespace shoal::opencl
