// Streams: what goes from one run to the next without the caller's help gives what carrying it by hand gives.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>

#include "runtime/host_backend.hpp"
#include "session/session.hpp"
#include "support/errors.hpp"
#include "support/model_maker.hpp"

using namespace shoal;
using test::floats;

namespace {

// y = x + sum, sum' = y: what comes out is the sum of everything so far.
importer::Model summing() {
    test::ModelMaker maker;
    auto graph = maker.graph();
    graph.input("x", tensor::ElementType::f32, {1, 2}).input("sum", tensor::ElementType::f32, {"N", 2});
    graph.op("Add", {"x", "sum"}, {"y"}).op("Identity", {"y"}, {"next"}).output("y").output("next");
    return maker.model();
}

session::SessionOptions keeping(std::string output, std::string input) {
    session::SessionOptions out;
    out.state = {{std::move(output), std::move(input)}};
    return out;
}

// A backend that counts what goes to the device and comes back.
class CountedBuffer final : public runtime::Buffer {
public:
    CountedBuffer(runtime::BufferPtr inner, int& reads) : inner_(std::move(inner)), reads_(reads) {
        most_alive = std::max(most_alive, ++alive);
    }
    CountedBuffer(const CountedBuffer&) = delete;
    CountedBuffer& operator=(const CountedBuffer&) = delete;
    ~CountedBuffer() override { --alive; }
    [[nodiscard]] const runtime::Type& type() const noexcept override { return inner_->type(); }
    [[nodiscard]] tensor::Tensor read(const runtime::RunOptions& options) const override {
        ++reads_;
        return inner_->read(options);
    }

    static inline int alive = 0, most_alive = 0;

private:
    runtime::BufferPtr inner_;
    int& reads_;
};

class CountedExecutable final : public runtime::Executable {
public:
    CountedExecutable(std::unique_ptr<runtime::Executable> inner, int& reads)
        : inner_(std::move(inner)), reads_(reads) {}
    [[nodiscard]] const runtime::Graph& graph() const noexcept override { return inner_->graph(); }
    [[nodiscard]] runtime::MemoryUse memory() const noexcept override { return inner_->memory(); }
    [[nodiscard]] std::vector<runtime::BufferPtr> run(std::span<const runtime::BufferPtr> inputs,
                                                      const runtime::RunOptions& options) override {
        const int before = reads_;
        auto out = inner_->run(inputs, options);
        reads_ = before;  // the host's loops read their inputs, which is no copy from a device
        for (auto& buffer : out)
            buffer = std::make_shared<CountedBuffer>(buffer, reads_);
        return out;
    }
    [[nodiscard]] std::vector<runtime::KernelReport> profile(int repeat) override { return inner_->profile(repeat); }

private:
    std::unique_ptr<runtime::Executable> inner_;
    int& reads_;
};

class CountedBackend final : public runtime::Backend {
public:
    [[nodiscard]] const device::DeviceInfo& device() const noexcept override { return inner_->device(); }
    [[nodiscard]] device::Rates measure_rates() override { return inner_->measure_rates(); }
    [[nodiscard]] std::unique_ptr<runtime::Executable> compile(runtime::Graph graph,
                                                               const runtime::RunOptions& options) override {
        ++compiled;
        return std::make_unique<CountedExecutable>(inner_->compile(std::move(graph), options), reads);
    }
    [[nodiscard]] runtime::BufferPtr upload(tensor::Tensor tensor, const runtime::RunOptions& options) override {
        ++uploads;
        return inner_->upload(std::move(tensor), options);
    }

    int uploads = 0, reads = 0;
    std::atomic<int> compiled{0};

private:
    std::shared_ptr<runtime::Backend> inner_ = runtime::make_host_backend();
};

}  // namespace

TEST_CASE("state goes from run to run, starting from zeros, and can be looked at, given and forgotten") {
    session::Session session(summing(), runtime::make_host_backend(), keeping("next", "sum"));
    CHECK_FALSE(session.state("sum").has_value());
    const session::Inputs one{{"x", floats({1, 2}, {1, 10})}};
    for (int n = 1; n <= 3; ++n) {
        const auto out = session.run(one);
        REQUIRE(out.size() == 1);
        CHECK(out[0].first == "y");
        CHECK(tensor::to_doubles(out[0].second) == std::vector<double>{1.0 * n, 10.0 * n});
    }
    CHECK(tensor::to_doubles(*session.state("sum")) == std::vector<double>{3, 30});
    auto given = one;
    given.emplace("sum", floats({1, 2}, {100, 200}));
    CHECK(tensor::to_doubles(session.run(given)[0].second) == std::vector<double>{101, 210});
    CHECK(tensor::to_doubles(session.run(one)[0].second) == std::vector<double>{102, 220});
    session.reset_state();
    CHECK(tensor::to_doubles(session.run(one)[0].second) == std::vector<double>{1, 10});
}

TEST_CASE("state never passes through the host") {
    const auto backend = std::make_shared<CountedBackend>();
    session::Session session(summing(), backend, keeping("next", "sum"));
    const session::Inputs one{{"x", floats({1, 2}, {1, 10})}};
    (void)session.run(one);
    backend->uploads = backend->reads = 0;
    for (int n = 0; n < 5; ++n)
        (void)session.run(one);
    CHECK(backend->uploads == 5);  // x
    CHECK(backend->reads == 5);    // y
}

TEST_CASE("state that the model does not have, and orders that cannot be kept") {
    const auto backend = runtime::make_host_backend();
    CHECK_THROWS_WITH_AS(session::Session(summing(), backend, keeping("nxt", "sum")),
                         doctest::Contains("no output 'nxt'"), base::Error);
    CHECK_THROWS_WITH_AS(session::Session(summing(), backend, keeping("next", "sun")),
                         doctest::Contains("no input 'sun'"), base::Error);
    session::Session session(summing(), backend, keeping("next", "sum"));
    CHECK_THROWS_WITH_AS((void)session.state("x"), doctest::Contains("no state"), base::Error);
    CHECK_THROWS_WITH_AS((void)session.start({{"x", floats({1, 2}, {1, 10})}}), doctest::Contains("run()"),
                         base::Error);
}

TEST_CASE("state that cannot become its input") {
    const auto backend = runtime::make_host_backend();
    auto twice = keeping("next", "sum");
    twice.state.push_back({"y", "sum"});
    CHECK_THROWS_WITH_AS(session::Session(summing(), backend, twice), doctest::Contains("from 2 outputs"), base::Error);

    test::ModelMaker maker;
    auto graph = maker.graph();
    graph.input("x", tensor::ElementType::f32, {1, 2}).input("h", tensor::ElementType::f32, {1, 2});
    graph.op("Add", {"x", "h"}, {"y"}).op("Cast", {"y"}, {"whole"}, {{"to", std::int64_t{7}}});
    graph.op("Concat", {"y", "y"}, {"longer"}, {{"axis", std::int64_t{0}}});
    graph.output("y").output("whole").output("longer");
    const session::Inputs one{{"x", floats({1, 2}, {1, 10})}};
    for (const std::string output : {"whole", "longer"}) {
        CAPTURE(output);
        session::Session session(maker.model(), backend, keeping(output, "h"));
        CHECK_THROWS_WITH_AS((void)session.run(one), doctest::Contains("the next run's 'h' must be f32[1, 2]"),
                             base::Error);
    }
    maker.proto().mutable_graph()->mutable_output(1)->mutable_type()->mutable_tensor_type()->set_elem_type(7);
    CHECK_THROWS_WITH_AS(session::Session(maker.model(), backend, keeping("whole", "h")),
                         doctest::Contains("must be f32[1, 2]"), base::Error);
}

namespace {

// Adds 1 to x until it is 40: every iteration is a segment.
importer::Model counting() {
    onnx::GraphProto body;
    test::GraphMaker(body)
        .input("i", tensor::ElementType::i64, {})
        .input("go", tensor::ElementType::boolean, {})
        .input("v", tensor::ElementType::f32, {1})
        .op("Add", {"v", "step"}, {"w"})
        .op("Less", {"w", "limit"}, {"go_on"})
        .output("go_on")
        .output("w");
    test::ModelMaker maker;
    maker.graph()
        .input("x", tensor::ElementType::f32, {1})
        .initialiser("step", floats({1}, {1}))
        .initialiser("limit", floats({1}, {40}))
        .op("Loop", {"", "", "x"}, {"last"}, {{"body", body}})
        .output("last");
    return maker.model();
}

}  // namespace

TEST_CASE("the segments of a loop are compiled once, however many they are") {
    const auto backend = std::make_shared<CountedBackend>();
    session::SessionOptions options;
    options.kept_graphs = 2;
    session::Session session(counting(), backend, options);
    const auto compiled_for = [&](float start) {
        const int before = backend->compiled;
        (void)session.run({{"x", floats({1}, {start})}});
        return backend->compiled - before;
    };
    CHECK(compiled_for(0) > 30);
    CHECK(compiled_for(0) == 0);
    CHECK(compiled_for(-30) > 0);  // goes on for longer
    CHECK(compiled_for(0) == 0);
    CHECK(compiled_for(-30) == 0);
}

TEST_CASE("sizes seen before are kept up to a number of sets, the least recently used go first") {
    test::ModelMaker maker;
    maker.graph().input("x", tensor::ElementType::f32, {"n"}).op("Neg", {"x"}, {"y"}).output("y");
    const auto backend = std::make_shared<CountedBackend>();
    session::SessionOptions options;
    options.kept_graphs = 2;
    session::Session session(maker.model(), backend, options);
    const auto is_new = [&](std::int64_t n) {
        const int before = backend->compiled;
        (void)session.run({{"x", tensor::Tensor(tensor::Type{tensor::ElementType::f32, {n}})}});
        return backend->compiled != before;
    };
    CHECK(is_new(1));
    CHECK(is_new(2));
    CHECK_FALSE(is_new(1));
    CHECK(is_new(3));  // 2 goes
    CHECK_FALSE(is_new(1));
    CHECK(is_new(2));
}

TEST_CASE("a loop that values end keeps nothing of its iterations but what is read again") {
    const auto backend = std::make_shared<CountedBackend>();
    session::Session session(counting(), backend);
    CountedBuffer::most_alive = 0;
    const auto out = session.run({{"x", floats({1}, {0})}});
    CHECK(tensor::to_doubles(out[0].second) == std::vector<double>{40});
    CHECK(CountedBuffer::most_alive <= 8);  // of 40 iterations, each with two results
}
