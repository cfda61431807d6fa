#include "node/overlap.hpp"

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/error.hpp"
#include "support/staged_device.hpp"

using namespace shoal;
using device::Kind;
using test::StagedDevice;

namespace {

using Devices = std::vector<std::shared_ptr<runtime::Backend>>;

// Most of what a run takes, so that other work on the machine counts little.
constexpr std::chrono::milliseconds kHeld{60};

// Cores that one run at a time has, in the order in which they were asked for.
class Cores {
public:
    StagedDevice::Hold take() {
        return [this]() -> std::shared_ptr<void> {
            std::unique_lock lock(mutex_);
            const auto own = next_++;
            changed_.wait(lock, [&] { return now_ == own; });
            lock.unlock();
            std::this_thread::sleep_for(kHeld);
            return {this, [this](void*) {
                        const std::lock_guard held(mutex_);
                        ++now_;
                        changed_.notify_all();
                    }};
        };
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t next_ = 0, now_ = 0;
};

std::shared_ptr<void> fail() {
    throw base::Error(base::Code::device, "it was run");
}

}  // namespace

TEST_CASE("two devices on the same cores are found out, whichever kind of CPU they are") {
    Cores cores;
    for (const auto kind : {Kind::cpu, Kind::host}) {
        const auto found = node::overlapping({std::make_shared<StagedDevice>("0.0", cores.take()),
                                              std::make_shared<StagedDevice>("1.0", cores.take(), kind)});
        REQUIRE(found.size() == 1);
        CHECK(found[0].device + found[0].with == 1);
        CHECK(found[0].together < 1.35);
    }
}

TEST_CASE("of three on the same cores one stays") {
    Cores cores;
    Devices devices;
    for (const char* id : {"0.0", "1.0", "2.0"})
        devices.push_back(std::make_shared<StagedDevice>(id, cores.take()));
    const auto found = node::overlapping(devices);
    REQUIRE(found.size() == 2);
    CHECK(found[0].device != found[1].device);
}

TEST_CASE("devices that do not hold each other up do not overlap") {
    // What sleeps takes no core: the machine that runs this may have but one.
    const auto sleep = [] {
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        return std::shared_ptr<void>();
    };
    CHECK(
        node::overlapping({std::make_shared<StagedDevice>("0.0", sleep), std::make_shared<StagedDevice>("1.0", sleep)})
            .empty());
}

TEST_CASE("what cannot overlap is not run: one device, other kinds, parts of one device") {
    const auto device = [](const char* id, Kind kind = Kind::cpu) {
        return std::make_shared<StagedDevice>(id, fail, kind);
    };
    CHECK(node::overlapping({}).empty());
    CHECK(node::overlapping({device("0.0")}).empty());
    CHECK(node::overlapping({device("0.0"), device("1.0", Kind::gpu), device("2.0", Kind::accelerator)}).empty());
    CHECK(node::overlapping({device("0.0/1"), device("0.0/2"), device("0.0/3")}).empty());
}

TEST_CASE("a device that fails is no overlap") {
    CHECK(node::overlapping({std::make_shared<StagedDevice>("0.0", fail), std::make_shared<StagedDevice>("1.0")})
              .empty());
}
