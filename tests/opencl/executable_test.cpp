#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>

#include "graph/builder.hpp"
#include "opencl/backend.hpp"
#include "opencl/open_device.hpp"
#include "support/compare.hpp"
#include "support/errors.hpp"
#include "support/opencl.hpp"
#include "support/random.hpp"

using namespace shoal;
using tensor::ElementType;
using tensor::Shape;
using tensor::Tensor;
using tensor::Type;

namespace {

// Products that take a device far longer than a millisecond, then a constant that is read where the host has it.
graph::Graph long_chain(std::mt19937& random, Tensor last) {
    constexpr int kProducts = 200;
    graph::Builder builder("long");
    auto x = builder.input("x", last.type());
    const auto w = builder.constant(test::random_tensor(random, last.type(), -0.05, 0.05));
    for (int n = 0; n < kProducts; ++n)
        x = builder.matmul(x, w);
    builder.output("y", builder.map("add", {x, builder.constant(std::move(last))}));
    return builder.finish();
}

// In memory of its own, which is unmapped, or could be, when the last owner goes.
Tensor apart(const Tensor& tensor) {
    const auto bytes = tensor.bytes();
    constexpr std::size_t kAlignment = 4096;
    void* memory = std::aligned_alloc(kAlignment, (bytes.size() + kAlignment - 1) / kAlignment * kAlignment);
    std::memcpy(memory, bytes.data(), bytes.size());
    std::shared_ptr<const void> owner(memory, [](const void* own) { std::free(const_cast<void*>(own)); });
    return Tensor(tensor.type(), base::SharedBytes(owner, {static_cast<const std::byte*>(memory), bytes.size()}));
}

}  // namespace

TEST_CASE("a run ends when it is cancelled, with a deadline or without, and while it waits for another") {
    const auto device = test::device_or_skip();
    if (!device) return;
    auto random = test::generator();
    const auto backend = opencl::make_backend(*device);
    const Type type{ElementType::f32, Shape{512, 512}};
    const auto executable = backend->compile(long_chain(random, test::random_tensor(random, type)));
    const std::vector<runtime::BufferPtr> inputs{backend->upload(test::random_tensor(random, type))};
    runtime::RunOptions first, second;
    std::optional<base::Code> ends[2];
    std::thread one([&] { ends[0] = test::code_of([&] { (void)executable->run(inputs, first); }); });
    std::thread other([&] { ends[1] = test::code_of([&] { (void)executable->run(inputs, second); }); });
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    first.cancellation.cancel();
    second.cancellation.cancel();
    one.join();
    other.join();
    CHECK(ends[0] == base::Code::cancelled);
    CHECK(ends[1] == base::Code::cancelled);
}

TEST_CASE("the pool keeps what runs leave, and no weights") {
    const auto device = test::device_or_skip();
    if (!device) return;
    auto random = test::generator();
    const auto backend = opencl::make_backend(*device);
    const auto open = opencl::open_device_of(*backend);
    const Type type{ElementType::f32, Shape{64, 96}};
    {
        // Bytes that lie nowhere in particular have to be copied.
        const auto bytes = apart(test::random_tensor(random, {ElementType::f32, Shape{96 * 96 + 1}}));
        const Tensor weights({ElementType::f32, Shape{96, 96}}, bytes.shared_bytes().slice(4, 96 * 96 * 4));
        graph::Builder builder("one product");
        builder.output("y", builder.matmul(builder.input("x", type), builder.constant(weights)));
        const auto executable = backend->compile(builder.finish());
        CHECK(open->pooled_bytes() == 0);
    }
    CHECK(open->pooled_bytes() == 0);
    constexpr std::size_t kPiece = std::size_t{1} << 20;
    std::vector<opencl::MemoryPtr> pieces;
    for (int n = 0; n < 70; ++n)
        pieces.push_back(open->allocate(kPiece + static_cast<std::size_t>(n)));
    pieces.clear();
    CHECK(open->pooled_bytes() > 0);
    CHECK(open->pooled_bytes() <= std::size_t{64} << 20);
    const auto before = open->pooled_bytes();
    const auto latest = open->allocate(kPiece + 69);  // the oldest had to go, not the newest
    CHECK(open->pooled_bytes() == before - kPiece - 69);
}

TEST_CASE("a run that is given up keeps what the device still uses, without its executable too") {
    const auto device = test::device_or_skip();
    if (!device) return;
    auto random = test::generator();
    const auto backend = opencl::make_backend(*device);
    const Type type{ElementType::f32, Shape{512, 512}};
    auto last = apart(test::random_tensor(random, type));
    const std::weak_ptr<const void> memory = last.shared_bytes().owner();
    auto executable = backend->compile(long_chain(random, std::move(last)));
    REQUIRE_FALSE(memory.expired());
    const std::vector<runtime::BufferPtr> inputs{backend->upload(test::random_tensor(random, type))};
    auto begun = base::SteadyClock::now();
    (void)executable->run(inputs, {});
    const auto whole = base::SteadyClock::now() - begun;
    runtime::RunOptions options;
    begun = base::SteadyClock::now();
    options.deadline = base::deadline_in(std::chrono::milliseconds(2));
    CHECK(test::code_of([&] { (void)executable->run(inputs, options); }) == base::Code::timeout);
    executable.reset();
    const bool still_used = !memory.expired();
    // On a busy machine the device may be done before this thread gets to look.
    if (backend->device().unified_memory && base::SteadyClock::now() - begun < whole / 8) CHECK(still_used);
    const auto end = base::deadline_in(std::chrono::seconds(60));
    while (!memory.expired() && base::SteadyClock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    CHECK(memory.expired());
}
