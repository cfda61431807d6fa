#include "session/run_queue.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <future>

#include "support/errors.hpp"

using namespace shoal;
using session::RunQueue;

TEST_CASE("So many run at a time, so many wait, and the next is told busy") {
    std::promise<void> gate;
    const auto open = gate.get_future().share();
    std::atomic<int> running{0}, done{0};
    std::promise<void> both;
    RunQueue queue(2, 3);
    for (int i = 0; i < 5; ++i) {
        queue.add(
            [&, open](bool wanted) {
                CHECK(wanted);
                if (++running == 2) both.set_value();
                open.wait();
                ++done;
            },
            {});
    }
    both.get_future().wait();
    CHECK(running == 2);
    CHECK(test::code_of([&] { queue.add([](bool) {}, {}); }) == base::Code::busy);
    gate.set_value();
    std::promise<void> last;
    while (test::code_of([&] { queue.add([&](bool) { last.set_value(); }, {}); }))
        std::this_thread::yield();
    last.get_future().wait();
    CHECK(running == 5);
}

TEST_CASE("An ending queue cancels what runs and gives back what waits") {
    runtime::Cancellation cancellation;
    std::promise<void> started;
    std::atomic<int> unwanted{0};
    {
        RunQueue queue(1, 10);
        queue.add(
            [&](bool) {
                started.set_value();
                while (!cancellation.cancelled())
                    std::this_thread::yield();
            },
            {{}, cancellation});
        started.get_future().wait();
        for (int i = 0; i < 3; ++i)
            queue.add([&](bool wanted) { unwanted += wanted ? 0 : 1; }, {});
    }
    CHECK(unwanted == 3);
}

TEST_CASE("A waiting run whose time is over hears of it while the others still run") {
    std::promise<void> gate;
    const auto open = gate.get_future().share();
    RunQueue queue(1, 10);
    queue.add([open](bool) { open.wait(); }, {});
    std::promise<bool> late, cancelled;
    std::atomic<bool> patient_called{false};
    const runtime::Cancellation cancellation;
    queue.add([&](bool wanted) { late.set_value(wanted); }, {base::deadline_in(std::chrono::milliseconds(1)), {}});
    queue.add([&](bool) { patient_called = true; }, {});
    queue.add([&](bool wanted) { cancelled.set_value(wanted); }, {{}, cancellation});
    CHECK(late.get_future().get());
    cancellation.cancel();
    CHECK(cancelled.get_future().get());
    CHECK(!patient_called);
    gate.set_value();
}

TEST_CASE("What a run throws does not end its thread") {
    std::promise<void> last;
    RunQueue queue(1, 10);
    queue.add([](bool) { throw std::runtime_error("not ours"); }, {});
    queue.add([&](bool) { last.set_value(); }, {});
    last.get_future().wait();
}
