#include "opencl/program.hpp"

#include <doctest/doctest.h>

#include <array>
#include <fstream>
#include <thread>

#include "opencl/program_folder.hpp"
#include "support/opencl.hpp"
#include "support/temporary_folder.hpp"

using namespace shoal;
using opencl::ProgramOrigin;

namespace {

namespace fs = std::filesystem;

const opencl::ProgramSource kTriple{
    "triple", "__kernel void triple(__global int* data) { data[get_global_id(0)] *= FACTOR; }", "-DFACTOR=3"};

opencl::ProgramOptions caching_in(const fs::path& folder) {
    opencl::ProgramOptions options;
    options.cache = opencl::CacheUse::always;
    options.cache_folder = folder;
    return options;
}

struct Fixture {
    explicit Fixture(opencl::FoundDevice found)
        : device(std::move(found)), context(opencl::make_context(device.handle)) {}

    opencl::ProgramBuilder builder(opencl::ProgramOptions options) const {
        return {context.get(), device, std::move(options)};
    }

    // What the built program makes of 14.
    int run(const opencl::BuiltProgram& built) const {
        const auto queue = opencl::make_queue(context.get(), device.handle);
        const auto kernel = opencl::make_kernel(built.program.get(), "triple");
        cl_int value = 14;
        const auto memory =
            opencl::make_memory(context.get(), CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, sizeof value, &value);
        opencl::set_argument(kernel.get(), 0, memory.get());
        const std::size_t one = 1;
        opencl::check(clEnqueueNDRangeKernel(queue.get(), kernel.get(), 1, nullptr, &one, nullptr, 0, nullptr, nullptr),
                      "clEnqueueNDRangeKernel", "triple");
        opencl::check(
            clEnqueueReadBuffer(queue.get(), memory.get(), CL_TRUE, 0, sizeof value, &value, 0, nullptr, nullptr),
            "clEnqueueReadBuffer");
        return value;
    }

    opencl::FoundDevice device;
    opencl::ContextHandle context;
};

std::vector<fs::path> files_in(const fs::path& folder) {
    std::vector<fs::path> out;
    for (const auto& item : fs::directory_iterator(folder))
        out.push_back(item.path());
    return out;
}

std::string error_of(opencl::ProgramBuilder builder, const opencl::ProgramSource& source, base::Code code) {
    try {
        (void)builder.build(source);
    } catch (const base::Error& error) {
        CHECK(base::name(error.code()) == base::name(code));
        return error.what();
    }
    FAIL("nothing thrown");
    return "";
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a program is compiled once and comes from the cache afterwards") {
    const auto device = test::device_or_skip();
    if (!device) return;
    const Fixture fixture(*device);
    const test::TemporaryFolder folder;
    auto first = fixture.builder(caching_in(folder / "cache"));
    const auto compiled = first.build(kTriple);
    CHECK(compiled.origin == ProgramOrigin::compiled);
    CHECK(fixture.run(compiled) == 42);

    auto second = fixture.builder(caching_in(folder / "cache"));
    const auto cached = second.build(kTriple);
    CHECK(cached.origin == ProgramOrigin::cache);
    CHECK(fixture.run(cached) == 42);
    CHECK(second.totals().from_cache == 1);
    CHECK(second.totals().compiled == 0);

    SUBCASE("other options are another program") {
        auto other = kTriple;
        other.options = "-DFACTOR=5";
        const auto built = second.build(other);
        CHECK(built.origin == ProgramOrigin::compiled);
        CHECK(fixture.run(built) == 70);
    }
    SUBCASE("another driver is another program") {
        Fixture updated(*device);
        updated.device.info.driver += " updated";
        CHECK(updated.builder(caching_in(folder / "cache")).build(kTriple).origin == ProgramOrigin::compiled);
    }
    SUBCASE("a damaged entry is made again") {
        for (const auto& file : files_in(folder / "cache")) {
            std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
            stream.seekp(-3, std::ios::end);
            stream.put('!');
        }
        const auto built = fixture.builder(caching_in(folder / "cache")).build(kTriple);
        CHECK(built.origin == ProgramOrigin::compiled);
        CHECK(fixture.run(built) == 42);
        CHECK(fixture.builder(caching_in(folder / "cache")).build(kTriple).origin == ProgramOrigin::cache);
    }
    SUBCASE("an entry that the driver refuses is made again") {
        if (device->info.platform == "rusticl") return;  // up to Mesa 22.3 it aborts on a binary that is not its own
        const opencl::ProgramFolder cache(folder / "cache");
        const auto path = files_in(cache.path()).at(0);
        const auto key = base::Digest::from_hex(path.filename().string().substr(0, 64));
        std::vector<std::byte> nonsense(100, std::byte{7});
        cache.store({key, device->info.identity(), "x", base::SharedBytes::own(nonsense)});
        const auto built = fixture.builder(caching_in(folder / "cache")).build(kTriple);
        CHECK(built.origin == ProgramOrigin::compiled);
        CHECK(fixture.run(built) == 42);
    }
}

TEST_CASE("a cache that cannot be written is done without") {
    const auto device = test::device_or_skip();
    if (!device) return;
    const Fixture fixture(*device);
    const test::TemporaryFolder folder;
    folder.write("file", "in the way");
    CHECK(fixture.run(fixture.builder(caching_in(folder / "file")).build(kTriple)) == 42);
    fs::create_directory(folder / "open");
    fs::permissions(folder / "open", fs::perms::all);
    CHECK(fixture.run(fixture.builder(caching_in(folder / "open")).build(kTriple)) == 42);
    CHECK(files_in(folder / "open").empty());
}

TEST_CASE("source that does not compile is refused with the compiler's words") {
    const auto device = test::device_or_skip();
    if (!device) return;
    const Fixture fixture(*device);
    const test::TemporaryFolder folder;
    const opencl::ProgramSource broken{"broken", "__kernel void f() { no_such_thing(); }", ""};
    const auto message = error_of(fixture.builder(caching_in(folder / "cache")), broken, base::Code::device);
    CHECK(contains(message, "clBuildProgram: CL_BUILD_PROGRAM_FAILURE (-11), program 'broken'"));
    CHECK(contains(message, device->info.name));
    CHECK(contains(message, "no_such_thing"));
    CHECK(message.size() < 5000);
}

TEST_CASE("a kernel folder serves a device without a compiler") {
    const auto device = test::device_or_skip();
    if (!device) return;
    Fixture fixture(*device);
    const test::TemporaryFolder folder;
    opencl::ProgramOptions exporting;
    exporting.cache = opencl::CacheUse::never;
    exporting.export_folder = folder / "kernels";
    auto exporter = fixture.builder(exporting);
    const auto compiled = exporter.build(kTriple);
    CHECK(compiled.origin == ProgramOrigin::compiled);
    CHECK(fixture.run(compiled) == 42);
    (void)exporter.build(kTriple);
    CHECK(exporter.store_exports().programs == 1);
    REQUIRE(files_in(folder / "kernels").size() == 1);

    fixture.device.info.online_compiler = false;
    opencl::ProgramOptions serving;
    serving.kernel_folder = folder / "kernels";
    const auto built = fixture.builder(serving).build(kTriple);
    CHECK(built.origin == ProgramOrigin::kernel_folder);
    CHECK(fixture.run(built) == 42);

    SUBCASE("what is not in it is named") {
        auto other = kTriple;
        other.options = "-DFACTOR=5";
        other.name = "quintuple";
        CHECK(contains(error_of(fixture.builder(serving), other, base::Code::not_found), "'quintuple'"));
    }
    SUBCASE("a folder for another driver is refused, both named") {
        fixture.device.info.driver = "version 7";
        const auto message = error_of(fixture.builder(serving), kTriple, base::Code::refused);
        CHECK(contains(message, device->info.identity()));
        CHECK(contains(message, fixture.device.info.identity()));
    }
    SUBCASE("without the folder the error says what is needed") {
        serving.kernel_folder.clear();
        serving.cache = opencl::CacheUse::never;
        const auto message = error_of(fixture.builder(serving), kTriple, base::Code::unsupported);
        CHECK(contains(message, "--kernels"));
        CHECK(contains(message, "'triple'"));
    }
}

TEST_CASE("threads build the same program at once") {
    const auto device = test::device_or_skip();
    if (!device) return;
    const Fixture fixture(*device);
    const test::TemporaryFolder folder;
    auto builder = fixture.builder(caching_in(folder / "cache"));
    std::array<opencl::BuiltProgram, 4> results{};
    std::vector<std::thread> threads;
    for (auto& result : results)
        threads.emplace_back([&] { result = builder.build(kTriple); });
    for (auto& thread : threads)
        thread.join();
    for (const auto& result : results)
        CHECK(fixture.run(result) == 42);
    CHECK(files_in(folder / "cache").size() == 1);
}
