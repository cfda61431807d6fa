#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <thread>

#include "base/log.hpp"
#include "capi/support.hpp"
#include "shoal/shoal.hpp"
#include "support/model_maker.hpp"
#include "support/random.hpp"
#include "support/temporary_folder.hpp"
#include "transport/keys.hpp"

extern "C" int run_c_program(const void* file, size_t bytes);

using namespace shoal;
using std::chrono::milliseconds;

namespace {

std::string adding_one() {
    test::ModelMaker maker;
    maker.graph()
        .input("x", tensor::ElementType::f32, {std::string("N")})
        .initialiser("one", tensor::Tensor::of<float>({1}, {1}))
        .op("Add", {"x", "one"}, {"y"})
        .output("y");
    return maker.bytes();
}

// A perceptron with enough weights for two boards.
std::string layers() {
    auto random = test::generator();
    test::ModelMaker maker;
    auto graph = maker.graph();
    graph.input("x", tensor::ElementType::f32, {std::int64_t{2}, std::int64_t{64}});
    std::string last = "x";
    for (int i = 0; i < 4; ++i) {
        const auto n = std::to_string(i);
        graph.initialiser("w" + n, test::random_tensor(random, {tensor::ElementType::f32, {64, 64}}));
        graph.op("MatMul", {last, "w" + n}, {"h" + n}).op("Relu", {"h" + n}, {"r" + n});
        last = "r" + n;
    }
    graph.output(last);
    return maker.bytes();
}

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

template <class Work>
std::pair<shoal_status, std::string> failure(Work&& work) {
    try {
        work();
    } catch (const Error& error) {
        return {error.code(), error.what()};
    }
    return {SHOAL_OK, ""};
}

bool says(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::vector<float> some_values(std::size_t count, float salt = 0) {
    std::vector<float> out(count);
    for (std::size_t i = 0; i < count; ++i)
        out[i] = std::sin(static_cast<float>(i) + salt);
    return out;
}

bool same(const Outputs& a, const Outputs& b) {
    return a.size() == b.size() && std::ranges::equal(a[0].bytes, b[0].bytes) &&
           std::ranges::equal(a[0].shape, b[0].shape);
}

}  // namespace

TEST_CASE("Names and sizes of what the interface numbers") {
    CHECK(version().find('.') != std::string_view::npos);
    CHECK(std::string(shoal_status_name(SHOAL_OK)) == "ok");
    CHECK(std::string(shoal_status_name(SHOAL_DOES_NOT_FIT)) == "does not fit");
    CHECK(std::string(shoal_status_name(99)) == "unknown");
    CHECK(std::string(shoal_element_name(SHOAL_BF16)) == "bf16");
    CHECK(std::string(shoal_element_name(0)) == "?");
    CHECK(shoal_element_bytes(SHOAL_F16, 3) == 6);
    CHECK(shoal_element_bytes(SHOAL_I4, 3) == 2);
    CHECK(shoal_element_bytes(77, 3) == 0);
    CHECK(shoal_element_bytes(SHOAL_F64, SIZE_MAX) == 0);
}

// None of these numbers may ever change or be used again; a new one is added here.
TEST_CASE("Codes are the numbers that programs were compiled with") {
    const std::vector<std::pair<shoal_status, std::string>> codes{
        {0, "ok"},        {1, "invalid argument"}, {2, "invalid model"},  {3, "unsupported"},
        {4, "not found"}, {5, "does not fit"},     {6, "refused"},        {20, "input/output"},
        {21, "device"},   {22, "network"},         {23, "timeout"},       {24, "cancelled"},
        {25, "busy"},     {26, "unavailable"},     {27, "out of memory"}, {40, "internal error"}};
    std::size_t known = 0;
    for (shoal_status code = -10; code < 1000; ++code)
        known += std::string(shoal_status_name(code)) != "unknown" ? 1 : 0;
    CHECK(known == codes.size());
    for (const auto& [code, name] : codes)
        CHECK(std::string(shoal_status_name(code)) == name);
    const std::vector<std::string> elements{"f32", "f16", "bf16", "f64", "i8",   "u8", "i16", "u16",
                                            "i32", "u32", "i64",  "u64", "bool", "i4", "u4"};
    for (std::size_t i = 0; i < elements.size(); ++i)
        CHECK(std::string(shoal_element_name(static_cast<shoal_element>(i + 1))) == elements[i]);
    CHECK(std::string(shoal_element_name(16)) == "?");
    CHECK((SHOAL_CPU == 1 && SHOAL_GPU == 2 && SHOAL_ACCELERATOR == 3 && SHOAL_CUSTOM == 4 && SHOAL_HOST == 5));
    CHECK((SHOAL_LATENCY == 1 && SHOAL_THROUGHPUT == 2));
    CHECK((SHOAL_DEBUG == 0 && SHOAL_INFO == 1 && SHOAL_WARNING == 2 && SHOAL_ERROR == 3));
}

TEST_CASE("A C program runs a model") {
    const auto file = adding_one();
    CHECK(run_c_program(file.data(), file.size()) == 0);
}

TEST_CASE("NULL and nonsense are codes with words, never crashes") {
    CHECK(shoal_open_device(nullptr, nullptr) == SHOAL_INVALID_ARGUMENT);
    CHECK(says(shoal_last_error(), "NULL"));
    CHECK(shoal_connect(nullptr, nullptr) == SHOAL_INVALID_ARGUMENT);
    CHECK(shoal_load_model("x", nullptr, nullptr, nullptr) == SHOAL_INVALID_ARGUMENT);
    CHECK(shoal_run(nullptr, nullptr, 0, nullptr, nullptr) == SHOAL_INVALID_ARGUMENT);
    CHECK(shoal_submit(nullptr, nullptr, 0, nullptr, nullptr, nullptr) == SHOAL_INVALID_ARGUMENT);
    CHECK(shoal_start_node(nullptr, nullptr) == SHOAL_INVALID_ARGUMENT);
    CHECK(shoal_start_hub(nullptr, nullptr) == SHOAL_INVALID_ARGUMENT);
    CHECK(shoal_model_input(nullptr, 0, nullptr) == SHOAL_INVALID_ARGUMENT);
    CHECK(shoal_results_get(nullptr, 0, nullptr, nullptr) == SHOAL_INVALID_ARGUMENT);
    CHECK(shoal_devices_get(nullptr, 0, nullptr) == SHOAL_INVALID_ARGUMENT);
    CHECK(shoal_results_count(nullptr) == 0);
    CHECK(shoal_hub_endpoint(nullptr, 0) == nullptr);
    shoal_place_release(nullptr);
    shoal_model_release(nullptr);
    shoal_results_release(nullptr);
    shoal_devices_release(nullptr);
    shoal_cancellation_release(nullptr);
    shoal_cancel(nullptr);
    shoal_stop_node(nullptr);
    shoal_stop_hub(nullptr);

    const auto host = Place::device("host");
    CHECK(failure([&] { Model("/no/such/file.onnx", host); }).first == SHOAL_NOT_FOUND);
    CHECK(failure([&] { Model(bytes_of("garbage"), host); }).first == SHOAL_INVALID_MODEL);
    CHECK(failure([&] { (void)Place::device("host", -1); }).first == SHOAL_INVALID_ARGUMENT);
    shoal_model_options options{3, 0, 0};
    shoal_model* model = nullptr;
    CHECK(shoal_load_model("x", host.get(), &options, &model) == SHOAL_INVALID_ARGUMENT);
    CHECK(says(shoal_last_error(), "struct_size"));
    CHECK(model == nullptr);
}

TEST_CASE("A handle of another kind is told, and is not taken back") {
    const auto host = Place::device("host");
    auto* const wrong = reinterpret_cast<shoal_model*>(host.get());
    CHECK(shoal_run(wrong, nullptr, 0, nullptr, nullptr) == SHOAL_INVALID_ARGUMENT);
    CHECK(says(shoal_last_error(), "another kind"));
    CHECK(shoal_model_input_count(wrong) == 0);
    shoal_model_release(wrong);
    CHECK(Model(bytes_of(adding_one()), host).inputs().size() == 1);
    CHECK(failure([&] { (void)host.hub_state(); }).first == SHOAL_UNSUPPORTED);
}

TEST_CASE("A node's starting is cancelled") {
    const test::TemporaryFolder folder;
    NodeOptions options{"board", "tcp://127.0.0.1:1"};
    options.devices = {"host"};
    options.cache_folder = folder.path().string();
    options.cancellation.emplace();
    options.cancellation->cancel();
    CHECK(failure([&] { const Node node(options); }).first == SHOAL_CANCELLED);
}

TEST_CASE("Devices share a model's work") {
    const test::TemporaryFolder folder;
    const auto x = some_values(128);
    const Inputs inputs{{"x", array<float>({2, 64}, x)}};
    const auto file = layers();
    const auto alone = Model(bytes_of(file), Place::device("host")).run(inputs);
    const Devices found;
    std::string wish = "host";
    for (std::size_t i = 0; i < found.size(); ++i) {
        if (found[i].kind == SHOAL_CPU && found[i].compute_units > 1) wish = std::string(found[i].id) + "/2";
    }
    const auto place = Place::shared({.devices = {wish}, .cache_folder = folder.path().string()});
    CHECK(says(std::string(place.name()), ", ") == (wish != "host"));
    const auto shared = Model(bytes_of(file), place).run(inputs);
    REQUIRE(shared.size() == 1);
    const auto expected = alone[0].as<float>();
    const auto got = shared[0].as<float>();
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i)
        CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-4));
}

TEST_CASE("What cannot share says why") {
    const auto sharing = [](std::vector<std::string> devices, int threads = 0) {
        return failure([&] { (void)Place::shared({.devices = std::move(devices), .threads = threads}); });
    };
    CHECK(sharing({"host", "host"}).first == SHOAL_INVALID_ARGUMENT);
    CHECK(says(sharing({"host", "host"}).second, "the same device"));
    CHECK(says(sharing({"all/2"}).second, "e.g. cpu/2"));
    CHECK(says(sharing({"0.0/5000"}).second, "1 to 4096"));
    CHECK(sharing({"host"}, -1).first == SHOAL_INVALID_ARGUMENT);
    CHECK(shoal_share_devices(nullptr, nullptr) == SHOAL_INVALID_ARGUMENT);
    const Cancellation cancellation;
    cancellation.cancel();
    const test::TemporaryFolder folder;
    CHECK(failure([&] {
              (void)Place::shared(
                  {.devices = {"host"}, .cache_folder = folder.path().string(), .cancellation = cancellation});
          }).first == SHOAL_CANCELLED);
}

TEST_CASE("Options of an older caller are shorter, and what they lack is 0") {
    const shoal_model_options options{sizeof(std::size_t) + sizeof(std::uint32_t), 5, 77};
    const auto read = capi::read_options(&options);
    CHECK(read.in_flight == 5);
    CHECK(read.queued == 0);
}

TEST_CASE("Options of a newer caller may be longer, but must not ask for what is not known") {
    struct Newer {
        shoal_model_options known;
        std::uint64_t added;
    } options{{sizeof(Newer), 5, 77}, 0};
    CHECK(capi::read_options(&options.known).queued == 77);
    options.added = 1;
    CHECK(failure([&] {
              shoal_model* model = nullptr;
              detail::check(shoal_load_model("x", Place::device("host").get(), &options.known, &model));
          }).first == SHOAL_UNSUPPORTED);
    options.known.struct_size = 1 << 20;  // nobody set it
    CHECK_THROWS_AS((void)capi::read_options(&options.known), base::Error);
}

TEST_CASE("What is filled is filled as far as the caller's structure reaches") {
    shoal_hub_state shorter{offsetof(shoal_hub_state, clients), 77, 77, 77, 77, 77};
    capi::fill(&shorter, shoal_hub_state{0, 1, 2, 3, 4, 5});
    CHECK(shorter.struct_size == offsetof(shoal_hub_state, clients));
    CHECK(shorter.boards == 1);
    CHECK(shorter.clients == 77);
    struct Newer {
        shoal_hub_state known;
        std::uint64_t added;
    } longer{{sizeof(Newer), 77, 77, 77, 77, 77}, 77};
    capi::fill(&longer.known, shoal_hub_state{0, 1, 2, 3, 4, 5});
    CHECK(longer.known.struct_size == sizeof(Newer));
    CHECK(longer.known.failed == 5);
    CHECK(longer.added == 0);
    shoal_value unset{};
    CHECK_THROWS_AS(capi::fill(&unset, shoal_value{}), base::Error);
}

TEST_CASE("A model says what it takes and gives") {
    const Model model(bytes_of(adding_one()), Place::device("host"));
    REQUIRE(model.inputs().size() == 1);
    const auto input = model.inputs()[0];
    CHECK(std::string(input.name) == "x");
    CHECK(input.element == SHOAL_F32);
    CHECK(input.rank == 1);
    CHECK(input.shape[0] == -1);
    CHECK(input.optional == 0);
    CHECK(std::string(model.outputs().at(0).name) == "y");
}

TEST_CASE("Wrong inputs are named") {
    Model model(bytes_of(adding_one()), Place::device("host"));
    const std::vector<float> values{1, 2};
    const auto words = [&](const Inputs& inputs) { return failure([&] { (void)model.run(inputs); }).second; };
    CHECK(says(words({{"z", array<float>({2}, values)}}), "z"));
    CHECK(says(words({{"x", array<float>({3}, values)}}), "8 bytes"));
    CHECK(says(words({{"x", array<float>({-2}, values)}}), "'x'"));
    CHECK(says(words({{"x", {99, {2}, {}}}}), "element type 99"));
    CHECK(says(words({{"x", {SHOAL_F32, std::vector<std::int64_t>(13, 1), {}}}}), "rank 13"));
    CHECK(says(words({{"x", array<float>({2}, values)}, {"x", array<float>({2}, values)}}), "twice"));
    CHECK(says(words({{"x", array<std::int32_t>({2}, std::vector<std::int32_t>{1, 2})}}), "i32"));
    const auto outputs = model.run({{"x", array<float>({2}, values)}});
    CHECK(outputs["y"].as<float>()[1] == 3);
    CHECK(failure([&] { (void)outputs[1]; }).first == SHOAL_INVALID_ARGUMENT);
    CHECK(failure([&] { (void)outputs["z"]; }).first == SHOAL_NOT_FOUND);
    CHECK_THROWS_AS((void)outputs[0].as<double>(), shoal::Error);
}

TEST_CASE("Runs are submitted, several at a time, taken back and cut off by their time") {
    Model model(bytes_of(adding_one()), Place::device("host"), 3);
    std::vector<std::future<Outputs>> runs;
    for (int i = 0; i < 30; ++i) {
        const std::vector<float> values{static_cast<float>(i)};  // gone before the run
        runs.push_back(model.start({{"x", array<float>({1}, values)}}));
    }
    for (int i = 0; i < 30; ++i)
        CHECK(runs[static_cast<std::size_t>(i)].get()[0].as<float>()[0] == static_cast<float>(i + 1));
    RunOptions options;
    options.cancellation.emplace();
    options.cancellation->cancel();
    const std::vector<float> one{1};
    CHECK(failure([&] { (void)model.run({{"x", array<float>({1}, one)}}, options); }).first == SHOAL_CANCELLED);
    CHECK(failure([&] { (void)model.start({{"x", array<float>({1}, one)}}, options).get(); }).first == SHOAL_CANCELLED);
    options.cancellation.reset();
    options.timeout = milliseconds(-1);
    CHECK(failure([&] { (void)model.run({{"x", array<float>({1}, one)}}, options); }).first == SHOAL_INVALID_ARGUMENT);
}

TEST_CASE("Preparing and connecting end when they are taken back or their time is over") {
    Model model(bytes_of(adding_one()), Place::device("host"));
    const std::vector<float> one{1};
    RunOptions options;
    options.cancellation.emplace();
    model.prepare({{"x", array<float>({1}, one)}}, options);
    options.timeout = milliseconds(-1);
    CHECK(failure([&] { model.prepare({{"x", array<float>({1}, one)}}, options); }).first == SHOAL_INVALID_ARGUMENT);
    HubAddress address{"tcp://127.0.0.1:1"};
    address.cancellation = options.cancellation;
    address.connect_timeout = std::chrono::minutes(10);
    options.cancellation->cancel();
    CHECK(failure([&] { (void)Place::cluster(address); }).first == SHOAL_CANCELLED);
}

TEST_CASE("Releasing a model takes back its own runs and not those that share the cancellation") {
    RunOptions options;
    options.cancellation.emplace();
    const std::vector<float> one{1};
    std::vector<std::future<Outputs>> runs;
    {
        Model gone(bytes_of(adding_one()), Place::device("host"), 1);
        for (int i = 0; i < 20; ++i)
            runs.push_back(gone.start({{"x", array<float>({1}, one)}}, options));
    }
    for (auto& run : runs) {
        const auto code = failure([&] { (void)run.get(); }).first;
        CHECK((code == SHOAL_OK || code == SHOAL_CANCELLED));
    }
    Model stays(bytes_of(adding_one()), Place::device("host"), 1);
    CHECK(stays.run({{"x", array<float>({1}, one)}}, options)[0].as<float>()[0] == 2);
}

TEST_CASE("Devices are listed") {
    const Devices devices;
    for (std::size_t i = 0; i < devices.size(); ++i) {
        CHECK(std::strlen(devices[i].id) > 0);
        CHECK(devices[i].compute_units > 0);
    }
    CHECK(failure([&] { (void)devices[devices.size()]; }).first == SHOAL_INVALID_ARGUMENT);
    if (devices.size() == 0) return;
    Model model(bytes_of(layers()), Place::device(devices[0].id)), host(bytes_of(layers()), Place::device("host"));
    const auto values = some_values(128);
    const auto got = model.run({{"x", array<float>({2, 64}, values)}});
    const auto want = host.run({{"x", array<float>({2, 64}, values)}});
    for (std::size_t i = 0; i < 128; ++i)
        CHECK(got[0].as<float>()[i] == doctest::Approx(want[0].as<float>()[i]).epsilon(1e-4));
}

TEST_CASE("A hub, two boards and a client in one program give what one device gives, in plaintext and with keys") {
    for (const bool with_keys : {false, true}) {
        CAPTURE(with_keys);
        const test::TemporaryFolder folder;
        const auto key = [&](const char* name) {
            if (!with_keys) return std::string();
            transport::Keys::generate().save(folder / name);
            std::filesystem::create_directories(folder / "allowed");
            if (std::string(name) != "hub")
                std::filesystem::copy_file(folder / (std::string(name) + ".pub"),
                                           folder / "allowed" / (std::string(name) + ".pub"));
            return (folder / (std::string(name) + ".key")).string();
        };
        const auto hub_key = key("hub"), a_key = key("a"), b_key = key("b"), client_key = key("client");
        const auto hub_public = with_keys ? (folder / "hub.pub").string() : std::string();
        std::atomic<int> joined{0};
        HubOptions hub_options{{"tcp://127.0.0.1:*"}};
        hub_options.key_file = hub_key;
        hub_options.allowed_path = with_keys ? (folder / "allowed").string() : "";
        hub_options.cache_folder = (folder / "hub cache").string();
        hub_options.on_event = [&](std::string_view kind, std::string_view) {
            joined += kind == "board joined" ? 1 : 0;
        };
        Hub hub(hub_options);
        REQUIRE(hub.endpoints().size() == 1);

        std::vector<std::unique_ptr<Node>> nodes;
        for (const std::string name : {"a", "b"}) {
            NodeOptions options{name, hub.endpoints()[0]};
            options.key_file = name == "a" ? a_key : b_key;
            options.hub_key_file = hub_public;
            options.data_endpoint = "tcp://127.0.0.1:*";
            options.cache_folder = (folder / ("cache of " + name)).string();
            options.devices = {"host"};
            options.memory_limit_bytes = 48 << 10;  // the model's weights are 64 KiB
            nodes.push_back(std::make_unique<Node>(options));
        }
        HubAddress address{hub.endpoints()[0]};
        address.key_file = client_key;
        address.hub_key_file = hub_public;
        const auto cluster = Place::cluster(address);
        CHECK(says(std::string(cluster.name()), "hub"));
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (hub.state().boards < 2 && std::chrono::steady_clock::now() < until)
            std::this_thread::yield();
        REQUIRE(hub.state().boards == 2);
        CHECK(hub.state().clients == 1);

        const auto file = layers();
        Model here(bytes_of(file), Place::device("host")), there(bytes_of(file), cluster);
        RunOptions options;
        options.timeout = std::chrono::seconds(60);
        std::vector<std::vector<float>> values;
        std::vector<std::future<Outputs>> runs;
        for (int i = 0; i < 8; ++i) {
            values.push_back(some_values(128, static_cast<float>(i)));
            runs.push_back(there.start({{"x", array<float>({2, 64}, values.back())}}, options));
        }
        for (std::size_t i = 0; i < runs.size(); ++i)
            CHECK(same(runs[i].get(), here.run({{"x", array<float>({2, 64}, values[i])}})));
        CHECK(joined == 2);
        CHECK(hub.state().answered == 8);
        CHECK(cluster.hub_state().boards == 2);
        CHECK(cluster.hub_state().answered == 8);
        for (const auto& node : nodes) {
            CHECK(node->state().joined == 1);
            CHECK(node->state().runs > 0);
            CHECK(node->state().memory_peak_bytes <= node->state().memory_limit_bytes);
        }
    }
}

TEST_CASE("A hub that is not there is a timeout that names it") {
    HubAddress address{"tcp://127.0.0.1:1"};
    address.connect_timeout = milliseconds(50);
    const auto [code, words] = failure([&] { (void)Place::cluster(address); });
    CHECK(code == SHOAL_TIMEOUT);
    CHECK(says(words, "127.0.0.1:1"));
    address.endpoint = "no such host";
    CHECK(failure([&] { (void)Place::cluster(address); }).first == SHOAL_INVALID_ARGUMENT);
}

TEST_CASE("The log goes where it is told and stops when it is told") {
    static std::atomic<int> lines{0};
    shoal_set_log([](void*, shoal_log_level, const char* room, const char*) { lines += std::strlen(room) > 0 ? 1 : 0; },
                  nullptr, SHOAL_DEBUG);
    base::log(base::LogLevel::info, "test", "hello");
    CHECK(lines == 1);
    shoal_set_log(nullptr, nullptr, SHOAL_DEBUG);
    base::log(base::LogLevel::info, "test", "hello");
    CHECK(lines == 1);
}
