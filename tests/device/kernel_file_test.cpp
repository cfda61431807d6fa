#include "device/kernel_file.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <thread>

#include "base/file.hpp"
#include "support/comma_locale.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace shoal;
using device::KernelTable;

namespace {

device::DeviceInfo some_device(std::string name = "one") {
    device::DeviceInfo out;
    out.id = "0.0";
    out.name = std::move(name);
    return out;
}

KernelTable some_table() {
    return {{{"matmul{}( v0:f32[1])", {1.25e-5, 100, 20, true}}, {"b c", {3, 0, 0, true}}}, {{"b c", "tile-7x3"}}};
}

}  // namespace

TEST_CASE("measured kernels and their variants outlive the process, for the same device alone") {
    const test::TemporaryFolder folder;
    const device::KernelFile file(folder.path() / "made", some_device());
    CHECK(file.load() == KernelTable{});
    file.save(some_table());
    CHECK(file.load() == some_table());
    file.add({{{"d", {4, 0, 0, true}}, {"b c", {2, 0, 0, true}}}, {{"b c", "winograd"}}});
    CHECK(file.load().costs.size() == 3);
    CHECK(file.load().costs.at("b c").seconds == 2);
    CHECK(file.load().variants.at("b c") == "winograd");
    file.add({{{"b c", {1, 0, 0, true}}}, {}});  // measured again: the usual way is the fastest now
    CHECK(file.load().costs.at("b c").seconds == 1);
    CHECK(file.load().variants.empty());
    CHECK(device::KernelFile(folder.path() / "made", some_device("another")).load() == KernelTable{});
}

TEST_CASE("a device keeps its kernels when drivers come and go, and equal devices have their own") {
    const test::TemporaryFolder folder;
    auto device = some_device();
    device::KernelFile(folder.path(), device).save(some_table());
    device.id = "2.0";
    CHECK(device::KernelFile(folder.path(), device).load() == some_table());
    device.twin = 1;
    CHECK(device::KernelFile(folder.path(), device).load() == KernelTable{});
}

TEST_CASE("two that add kernels at the same time lose none") {
    const test::TemporaryFolder folder;
    constexpr int kEach = 40;
    const auto add = [&](const std::string& who) {
        const device::KernelFile file(folder.path() / "made", some_device());
        for (int n = 0; n < kEach; ++n)
            file.add({{{who + std::to_string(n), {1, 0, 0, true}}}, {}});
    };
    std::thread other(add, "a");
    add("b");
    other.join();
    CHECK(device::KernelFile(folder.path() / "made", some_device()).load().costs.size() == 2 * kEach);
}

TEST_CASE("a table reads and writes alike in every locale") {
    const test::TemporaryFolder folder;
    const device::KernelFile file(folder.path(), some_device());
    const KernelTable table{{{"a", {1.25e-5, 1'000'000, 20, true}}, {"b", {3.5, 0, 0, true}}}, {}};
    file.save(table);
    const std::string usual = base::read_text(file.path());
    const test::CommaLocale comma;
    CHECK(file.load() == table);
    file.save(table);
    CHECK(base::read_text(file.path()) == usual);
}

TEST_CASE("a damaged file of kernels is not believed") {
    const test::TemporaryFolder folder;
    const device::KernelFile file(folder.path(), some_device());
    file.save({{{"a", {1, 2, 3, true}}}, {}});
    const std::string name = file.path().filename().string();
    std::string first;
    std::ifstream in(file.path());
    std::getline(in, first);
    folder.write(name, "kernels 2 somebody else's\n1 2 3 - a\n");
    CHECK(file.load() == KernelTable{});
    folder.write(name, first + "\nnan 2 3 - a\n-1 2 3 - b\n1 2\nx\n\n5 6 7 - c d\n8 9 1 tile-8x2 e\n1 2 3 -\n");
    CHECK(file.load() == KernelTable{{{"c d", {5, 6, 7, true}}, {"e", {8, 9, 1, true}}}, {{"e", "tile-8x2"}}});
}

TEST_CASE("a table that was brought along serves the device wherever it was found, and no other") {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "board.kernels";
    auto device = some_device();
    device::save_kernel_table(path, device, some_table());
    device.id = "1.3";
    const auto another = some_device("another");
    CHECK(device::load_kernel_table(path, &device) == some_table());
    const auto message = test::error_of([&] { (void)device::load_kernel_table(path, &another); });
    CHECK(test::says(message, "|one|"));
    CHECK(test::says(message, "|another|"));
    CHECK(test::code_of([&] { (void)device::load_kernel_table(path, &another); }) == base::Code::refused);
    CHECK(test::code_of([&] { (void)device::load_kernel_table(folder.path() / "none", &device); }) ==
          base::Code::not_found);
    folder.write("other", "not a table\n");
    CHECK(test::code_of([&] { (void)device::load_kernel_table(folder.path() / "other", &device); }) ==
          base::Code::invalid_argument);
}
