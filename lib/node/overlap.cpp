#include "node/overlap.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <thread>

#include "base/log.hpp"
#include "graph/builder.hpp"

namespace shoal::node {
namespace {

using base::SteadyClock;
using device::Kind;
using tensor::Tensor;

constexpr std::int64_t kSize = 256;  // of a square product: 34 MFLOP, more than a driver takes to begin
constexpr std::chrono::milliseconds kWindow{40};
constexpr int kLeastRuns = 3;  // on slow devices
constexpr int kRounds = 3;     // other work on the board only takes away: the best round counts
// The faster loses by sharing, and both win little: on cores of their own two equal devices reach 2.
constexpr double kGain = 1.35, kSlowed = 0.9;

bool computes_on_cores(const device::DeviceInfo& info) {
    return info.kind == Kind::cpu || info.kind == Kind::host;
}

bool parts_of_one(const device::DeviceInfo& a, const device::DeviceInfo& b) {
    const auto whole = [](const std::string& id) { return id.substr(0, id.find('/')); };
    return a.id != b.id && a.id.find('/') != std::string::npos && whole(a.id) == whole(b.id);
}

// A product on one device, again and again.
class Load {
public:
    explicit Load(runtime::Backend& backend) {
        const tensor::Type type{tensor::ElementType::f32, {kSize, kSize}};
        graph::Builder builder("overlap");
        const auto x = builder.input("x", type);
        builder.output("y", builder.matmul(x, builder.constant(Tensor(type), "w")));
        executable_ = backend.compile(builder.finish());
        inputs_.push_back(backend.upload(Tensor(type)));
        run();
    }

    /// Runs a second, over at least the window.
    double rate() {
        const auto begin = SteadyClock::now();
        int runs = 0;
        do {
            run();
            ++runs;
        } while (runs < kLeastRuns || SteadyClock::now() - begin < kWindow);
        return runs / std::chrono::duration<double>(SteadyClock::now() - begin).count();
    }

    /// The same while others run too: begins when all have begun, and goes on until all have measured.
    double rate_beside(std::atomic<int>& yet_to_begin, std::atomic<int>& yet_to_measure) {
        --yet_to_begin;
        do {
            run();
        } while (yet_to_begin > 0);
        const double out = rate();
        --yet_to_measure;
        while (yet_to_measure > 0)
            run();
        return out;
    }

private:
    void run() { static_cast<void>(executable_->run(inputs_)); }

    std::unique_ptr<runtime::Executable> executable_;
    std::vector<runtime::BufferPtr> inputs_;
};

std::array<double, 2> rates_together(Load& a, Load& b) {
    std::array<double, 2> out{};
    std::array<std::exception_ptr, 2> failed{};
    std::atomic<int> yet_to_begin{2}, yet_to_measure{2};
    const auto measure = [&](std::size_t which, Load& load) {
        try {
            out[which] = load.rate_beside(yet_to_begin, yet_to_measure);
        } catch (...) {
            failed[which] = std::current_exception();
            yet_to_begin = yet_to_measure = 0;  // nobody is to wait for it
        }
    };
    std::thread beside([&] { measure(1, b); });
    measure(0, a);
    beside.join();
    for (const auto& one : failed) {
        if (one) std::rethrow_exception(one);
    }
    return out;
}

std::optional<Overlap> overlap_of(Load& a, Load& b) {
    std::array<double, 2> alone{}, both{};
    for (int round = 0; round < kRounds; ++round) {
        alone = {std::max(alone[0], a.rate()), std::max(alone[1], b.rate())};
        const auto now = rates_together(a, b);
        if (now[0] + now[1] > both[0] + both[1]) both = now;
    }
    const std::size_t fast = alone[0] >= alone[1] ? 0 : 1;
    const double together = (both[0] + both[1]) / alone[fast];
    if (together >= kGain || both[fast] >= kSlowed * alone[fast]) return std::nullopt;
    return Overlap{1 - fast, fast, together};
}

std::optional<Overlap> overlap_of(runtime::Backend& a, runtime::Backend& b) {
    try {
        Load one(a), other(b);
        return overlap_of(one, other);
    } catch (const base::Error& error) {
        base::log_info("node", "'", a.device().name, "' and '", b.device().name,
                       "' could not be run together: ", error.what());
        return std::nullopt;
    }
}

}  // namespace

std::vector<Overlap> overlapping(const std::vector<std::shared_ptr<runtime::Backend>>& devices) {
    std::vector<Overlap> out;
    std::vector<bool> left(devices.size(), false);
    for (std::size_t i = 0; i < devices.size(); ++i) {
        for (std::size_t k = i + 1; k < devices.size() && !left[i]; ++k) {
            const auto& a = devices[i]->device();
            const auto& b = devices[k]->device();
            if (left[k] || !computes_on_cores(a) || !computes_on_cores(b) || parts_of_one(a, b)) continue;
            const auto found = overlap_of(*devices[i], *devices[k]);
            if (!found) continue;
            const auto slower = found->device == 0 ? i : k;
            left[slower] = true;
            out.push_back({slower, found->device == 0 ? k : i, found->together});
        }
    }
    return out;
}

}  // namespace shoal::node
