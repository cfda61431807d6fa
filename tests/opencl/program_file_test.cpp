#include "opencl/program_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "opencl/program_folder.hpp"
#include "support/random.hpp"
#include "support/temporary_folder.hpp"

using namespace shoal;
using base::SharedBytes;

namespace {

opencl::ProgramFile sample(std::string_view key, std::size_t size, std::string identity = "platform|device|1.2") {
    return {base::Digest::of(key), std::move(identity), "a program",
            SharedBytes::own(std::vector<std::byte>(size, std::byte{42}))};
}

bool same(const opencl::ProgramFile& a, const opencl::ProgramFile& b) {
    return a.key == b.key && a.identity == b.identity && a.name == b.name && a.binary.size() == b.binary.size() &&
           std::equal(a.binary.view().begin(), a.binary.view().end(), b.binary.view().begin());
}

}  // namespace

TEST_CASE("a program file reads back") {
    for (const std::size_t size : {0, 1, 13, 127, 4096}) {
        const auto file = sample("k", size);
        const auto read = opencl::decode_program_file(SharedBytes::own(opencl::encode(file)));
        REQUIRE(read);
        CHECK(same(*read, file));
    }
}

TEST_CASE("every damage is noticed") {
    const auto whole = opencl::encode(sample("k", 127));
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK(!opencl::decode_program_file(SharedBytes::copy_of({whole.data(), size})));
    auto longer = whole;
    longer.push_back(std::byte{0});
    CHECK(!opencl::decode_program_file(SharedBytes::own(longer)));
    const std::size_t texts = std::string("platform|device|1.2a program").size();
    for (std::size_t at = 0; at < whole.size(); ++at) {
        auto bad = whole;
        bad[at] ^= std::byte{0x10};
        const auto read = opencl::decode_program_file(SharedBytes::own(bad));
        // The key and the texts are compared by whoever looks for them; the rest is checked here.
        const bool compared = (at >= 8 && at < 40) || (at >= 88 && at < 88 + texts);
        CAPTURE(at);
        CHECK((!read || (compared && !same(*read, sample("k", 127)))));
    }
}

TEST_CASE("random bytes are no program file") {
    auto random = test::generator();
    for (int round = 0; round < 2000; ++round) {
        std::vector<std::byte> bytes(random() % 300);
        for (auto& byte : bytes)
            byte = static_cast<std::byte>(random());
        if (bytes.size() >= 8 && round % 2 == 0) std::memcpy(bytes.data(), "SHOALCL\x01", 8);
        CHECK(!opencl::decode_program_file(SharedBytes::own(bytes)));
    }
}

TEST_CASE("a folder keeps programs by key and identity") {
    const test::TemporaryFolder root;
    const opencl::ProgramFolder folder(root / "programs");
    const auto one = sample("one", 100), other = sample("one", 50, "another device");
    CHECK(!folder.find(one.key, one.identity));
    CHECK(folder.identities_of(one.key).empty());
    folder.store(one);
    folder.store(other);
    CHECK(same(folder.find(one.key, one.identity).value(), one));
    CHECK(same(folder.find(other.key, other.identity).value(), other));
    CHECK(!folder.find(one.key, "a third"));
    CHECK(folder.identities_of(one.key) == std::vector<std::string>{"another device", "platform|device|1.2"});
    folder.erase(one.key, one.identity);
    CHECK(!folder.find(one.key, one.identity));
    CHECK(folder.find(other.key, other.identity));
}

TEST_CASE("what was used longest ago goes first") {
    namespace fs = std::filesystem;
    const test::TemporaryFolder root;
    const opencl::ProgramFolder folder(root.path());
    const auto now = fs::file_time_type::clock::now();
    std::vector<opencl::ProgramFile> files;
    for (int i = 0; i < 5; ++i)
        files.push_back(sample(std::to_string(i), 1000));
    for (const auto& file : files)
        folder.store(file);
    int age = 10;
    for (const auto& file : files) {  // the first is the oldest
        for (const auto& item : fs::directory_iterator(root.path())) {
            if (item.path().filename().string().rfind(file.key.hex(), 0) == 0)
                fs::last_write_time(item.path(), now - std::chrono::hours(age--));
        }
    }
    folder.touch(files[0].key, files[0].identity);
    root.write("half.program.new.123.0", "left behind");
    fs::last_write_time(root / "half.program.new.123.0", now - std::chrono::hours(2));
    root.write("young.program.new.124.0", "being written");
    folder.trim(3500);
    CHECK(folder.find(files[0].key, files[0].identity));
    CHECK(!folder.find(files[1].key, files[1].identity));
    CHECK(!folder.find(files[2].key, files[2].identity));
    CHECK(folder.find(files[3].key, files[3].identity));
    CHECK(folder.find(files[4].key, files[4].identity));
    CHECK(!fs::exists(root / "half.program.new.123.0"));
    CHECK(fs::exists(root / "young.program.new.124.0"));
    folder.trim(0);
    CHECK(!folder.find(files[4].key, files[4].identity));
}
