// The facts of whole boards, read from copies of their system files; and from a system that states nothing.
#include <doctest/doctest.h>

#include "platform/board.hpp"
#include "platform/clocks.hpp"
#include "platform/cpu.hpp"
#include "platform/memory.hpp"
#include "platform/network.hpp"
#include "platform/pressure.hpp"
#include "platform/thermal.hpp"
#include "support/boards.hpp"

using namespace shoal;
using platform::NetworkLink;

namespace {

constexpr std::uint64_t kKiB = 1024, kMiB = kKiB * kKiB;

}  // namespace

TEST_CASE("a Raspberry Pi 5") {
    const test::TemporaryFolder root;
    test::make_raspberry_pi_5(root);

    const auto board = platform::board(root.path());
    CHECK(board.model == "Raspberry Pi 5 Model B Rev 1.0");
    CHECK(board.system == "Debian GNU/Linux 12 (bookworm)");
    CHECK(board.kernel == "6.6.31+rpt-rpi-2712");
    CHECK(!board.architecture.empty());

    const auto cpu = platform::cpu(root.path());
    CHECK(cpu.model == "4 x Cortex-A76");
    CHECK(cpu.online_cores == 4);
    REQUIRE(cpu.clusters.size() == 1);
    CHECK(cpu.clusters[0].cores == std::vector<int>{0, 1, 2, 3});
    CHECK(cpu.clusters[0].max_hz == 2400000000U);
    CHECK(!cpu.clusters[0].capacity);
    CHECK(cpu.features == platform::CpuFeatures{128, true, false, true, false});

    const auto clocks = platform::clocks(root.path());
    REQUIRE(clocks.size() == 4);
    CHECK(clocks[3] == platform::CoreClock{3, 1500000000U, 408000000U, 2400000000U, 2400000000U, "schedutil"});

    const auto memory = platform::memory(root.path());
    CHECK(memory.total_bytes == 8245600 * kKiB);
    CHECK(memory.available_bytes == 7345678 * kKiB);
    CHECK(!memory.group_limit_bytes);
    CHECK(memory.usable_bytes() == 7345678 * kKiB);
    CHECK(platform::process_memory(root.path()) == platform::ProcessMemory{23456 * kKiB, 34567 * kKiB});

    const auto thermal = platform::thermal(root.path());
    CHECK(thermal.temperatures == std::vector<platform::Temperature>{{"cpu-thermal", 57.3}});
    CHECK(thermal.hottest_celsius() == 57.3);
    CHECK(thermal.throttled == false);
    CHECK(thermal.was_throttled == true);
    CHECK(thermal.under_voltage == false);

    CHECK(platform::network_links(root.path()) ==
          std::vector<NetworkLink>{{"eth0", NetworkLink::Kind::ethernet, true, 1000000000U, 1500U},
                                   {"wlan0", NetworkLink::Kind::wireless, false, std::nullopt, 1500U}});

    const auto pressure = platform::pressure(root.path());
    REQUIRE(pressure.memory);
    CHECK(pressure.memory->some_10s == doctest::Approx(1.53));
    CHECK(pressure.memory->full_60s == doctest::Approx(0.13));
    REQUIRE(pressure.cpu);
    CHECK(pressure.cpu->some_60s == doctest::Approx(3.5));
    CHECK(pressure.cpu->full_10s == 0);
    CHECK(!pressure.io);
}

TEST_CASE("an RK3588") {
    const test::TemporaryFolder root;
    test::make_rk3588(root);
    CHECK(platform::board(root.path()).model == "Radxa ROCK 5B");
    CHECK(!platform::board(root.path()).system);

    const auto cpu = platform::cpu(root.path());
    CHECK(cpu.model == "2 x Cortex-A76 + 2 x Cortex-A76 + 4 x Cortex-A55");
    REQUIRE(cpu.clusters.size() == 3);
    CHECK(cpu.clusters[0] == platform::CpuCluster{{6, 7}, "Cortex-A76", 2304000000U, 1024});
    CHECK(cpu.clusters[1] == platform::CpuCluster{{4, 5}, "Cortex-A76", 2256000000U, 1002});
    CHECK(cpu.clusters[2] == platform::CpuCluster{{0, 1, 2, 3}, "Cortex-A55", 1800000000U, 530});

    const auto memory = platform::memory(root.path());
    CHECK(memory.group_limit_bytes == 1024 * kMiB);
    CHECK(memory.group_used_bytes == 130 * kMiB);  // caches that can be dropped do not count
    CHECK(memory.usable_bytes() == 894 * kMiB);

    const auto thermal = platform::thermal(root.path());
    CHECK(thermal.temperatures.size() == 2);
    CHECK(thermal.hottest_celsius() == doctest::Approx(86.384));
    CHECK(thermal.throttled == true);
    CHECK(!thermal.under_voltage);

    CHECK(platform::network_links(root.path()) ==
          std::vector<NetworkLink>{{"docker0", NetworkLink::Kind::other, false, std::nullopt, 1500U},
                                   {"enP4p65s0", NetworkLink::Kind::ethernet, true, 2500000000U, 1500U}});
    CHECK(platform::pressure(root.path()) == platform::Pressure{});
}

TEST_CASE("a virtual machine, in a container") {
    const test::TemporaryFolder root;
    test::make_virtual_machine(root);
    CHECK(platform::board(root.path()).model == "QEMU Standard PC (Q35 + ICH9, 2009)");

    const auto cpu = platform::cpu(root.path());
    CHECK(cpu.model == "AMD EPYC 9B14");
    CHECK(cpu.online_cores == 2);
    REQUIRE(cpu.clusters.size() == 1);
    CHECK(!cpu.clusters[0].max_hz);
    CHECK(cpu.features == platform::CpuFeatures{512, true, false, false, true});
    CHECK(platform::clocks(root.path()).empty());

    // The group above has 4 GiB - (3840 - 128) MiB = 384 MiB left, less than the innermost's 1536 MiB.
    const auto memory = platform::memory(root.path());
    CHECK(memory.group_limit_bytes == 4096 * kMiB);
    CHECK(memory.usable_bytes() == 384 * kMiB);

    CHECK(platform::thermal(root.path()) == platform::Thermal{});
    CHECK(!platform::thermal(root.path()).hottest_celsius());
    const auto links = platform::network_links(root.path());
    REQUIRE(links.size() == 2);
    CHECK(links[0] == NetworkLink{"eth0", NetworkLink::Kind::ethernet, true, std::nullopt, 1500U});
    CHECK(links[1].kind == NetworkLink::Kind::other);
}

TEST_CASE("makers' placeholders are no model") {
    const test::TemporaryFolder root;
    root.write("sys/class/dmi/id/sys_vendor", "To Be Filled By O.E.M.\n");
    root.write("sys/class/dmi/id/product_name", "Default string\n");
    CHECK(!platform::board(root.path()).model);
    root.write("sys/class/dmi/id/board_vendor", "ASRock\n");
    root.write("sys/class/dmi/id/board_name", "N100DC-ITX\n");
    CHECK(platform::board(root.path()).model == "ASRock N100DC-ITX");
}

TEST_CASE("old kernels and intel sensors") {
    const test::TemporaryFolder root;
    root.write("proc/meminfo", "MemTotal: 500000 kB\nMemFree: 100000 kB\nBuffers: 1000 kB\nCached: 50000 kB\n");
    CHECK(platform::memory(root.path()).available_bytes == 151000 * kKiB);
    root.write("sys/class/hwmon/hwmon0/name", "coretemp\n");
    root.write("sys/class/hwmon/hwmon0/temp1_input", "45000\n");
    root.write("sys/class/hwmon/hwmon0/temp1_label", "Package id 0\n");
    root.write("sys/class/hwmon/hwmon0/temp2_input", "43000\n");
    root.write("sys/class/hwmon/hwmon1/name", "nvme\n");
    root.write("sys/class/hwmon/hwmon1/temp1_input", "70000\n");
    root.write("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "17\n");
    const auto thermal = platform::thermal(root.path());
    CHECK(thermal.temperatures == std::vector<platform::Temperature>{{"coretemp Package id 0", 45}, {"coretemp", 43}});
    CHECK(thermal.was_throttled == true);
    CHECK(!thermal.throttled);
}

TEST_CASE("a Raspberry Pi that is too hot on a weak supply") {
    const test::TemporaryFolder root;
    root.write("sys/devices/platform/soc/soc:firmware/get_throttled", "0x50005\n");
    const auto thermal = platform::thermal(root.path());
    CHECK(thermal.throttled == true);
    CHECK(thermal.under_voltage == true);
    root.write("sys/devices/platform/soc/soc:firmware/get_throttled", "0\n");
    CHECK(platform::thermal(root.path()).was_throttled == false);
}

TEST_CASE("a Raspberry Pi whose kernel is not its maker's tells of a weak supply") {
    const test::TemporaryFolder root;
    root.write("sys/devices/platform/soc@107c000000/soc@107c000000:firmware/uevent", "DRIVER=raspberrypi-firmware\n");
    root.write("sys/class/hwmon/hwmon0/name", "cpu_thermal\n");
    root.write("sys/class/hwmon/hwmon0/in0_lcrit_alarm", "1\n");
    root.write("sys/class/hwmon/hwmon1/name", "rpi_volt\n");
    root.write("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n");
    CHECK(platform::thermal(root.path()).under_voltage == false);
    root.write("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n");
    CHECK(platform::thermal(root.path()).under_voltage == true);
    CHECK(!platform::thermal(root.path()).throttled);
}

TEST_CASE("what a system does not state is absent") {
    const test::TemporaryFolder root;
    CHECK(platform::memory(root.path()) == platform::Memory{});
    CHECK(!platform::memory(root.path()).usable_bytes());
    CHECK(platform::process_memory(root.path()) == platform::ProcessMemory{});
    CHECK(platform::cpu(root.path()) == platform::Cpu{});
    CHECK(platform::clocks(root.path()).empty());
    CHECK(platform::thermal(root.path()) == platform::Thermal{});
    CHECK(platform::network_links(root.path()).empty());
    CHECK(platform::pressure(root.path()) == platform::Pressure{});
    CHECK(!platform::board(root.path()).model);
}

TEST_CASE("damaged system files are absent, not believed") {
    const test::TemporaryFolder root;
    root.write("proc/meminfo",
               "MemTotal: many kB\nMemAvailable: 99999999999999999999 kB\nMemFree: 18446744073709551615 kB");
    CHECK(platform::memory(root.path()) == platform::Memory{});
    root.write("proc/cpuinfo", std::string("\0\xff:::\n: \nprocessor\n", 20));
    root.write("sys/devices/system/cpu/online", "3-0,x");
    CHECK(platform::cpu(root.path()).online_cores == 0);
    root.write("proc/pressure/memory", "some avg10=1e9 avg60=-3");
    CHECK(!platform::pressure(root.path()).memory);
    root.write("proc/self/cgroup", "nonsense\n0::/../../etc\n::\n:");
    CHECK(!platform::memory(root.path()).group_limit_bytes);
}

TEST_CASE("this machine") {
    const auto memory = platform::memory();
    REQUIRE(memory.total_bytes);
    REQUIRE(memory.available_bytes);
    CHECK(*memory.available_bytes <= *memory.total_bytes);
    const auto process = platform::process_memory();
    REQUIRE(process.resident_bytes);
    REQUIRE(process.peak_resident_bytes);
    CHECK(*process.resident_bytes > 100 * kKiB);
    CHECK(*process.peak_resident_bytes + kMiB >= *process.resident_bytes);
    CHECK(platform::cpu().online_cores > 0);
}
