#include "support/boards.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace shoal::test {
namespace {

using std::string;
using std::string_literals::operator""s;

void arm_core(const TemporaryFolder& root, int core, const string& max_khz, const string& now_khz,
              const string& capacity) {
    const string folder = "sys/devices/system/cpu/cpu" + std::to_string(core) + "/";
    root.write(folder + "cpufreq/cpuinfo_max_freq", max_khz + "\n");
    root.write(folder + "cpufreq/scaling_max_freq", max_khz + "\n");
    root.write(folder + "cpufreq/scaling_min_freq", "408000\n");
    root.write(folder + "cpufreq/scaling_cur_freq", now_khz + "\n");
    root.write(folder + "cpufreq/scaling_governor", "schedutil\n");
    if (!capacity.empty()) root.write(folder + "cpu_capacity", capacity + "\n");
}

string arm_cpuinfo(const std::vector<string>& parts) {
    string out;
    for (std::size_t core = 0; core < parts.size(); ++core) {
        out +=
            "processor\t: " + std::to_string(core) +
            "\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid "
            "asimdrdm lrcpc dcpop asimddp\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x4\nCPU "
            "part\t: " +
            parts[core] + "\nCPU revision\t: 1\n\n";
    }
    return out;
}

void thermal_zone(const TemporaryFolder& root, int index, const string& type, const string& milli) {
    const string folder = "sys/class/thermal/thermal_zone" + std::to_string(index) + "/";
    root.write(folder + "type", type + "\n");
    root.write(folder + "temp", milli + "\n");
}

void cooling_device(const TemporaryFolder& root, int index, const string& type, const string& state) {
    const string folder = "sys/class/thermal/cooling_device" + std::to_string(index) + "/";
    root.write(folder + "type", type + "\n");
    root.write(folder + "cur_state", state + "\n");
}

void link(const TemporaryFolder& root, const string& name, const string& type, const string& state, const string& speed,
          const string& marker) {
    const string folder = "sys/class/net/" + name + "/";
    root.write(folder + "type", type + "\n");
    root.write(folder + "operstate", state + "\n");
    root.write(folder + "mtu", "1500\n");
    if (!speed.empty()) root.write(folder + "speed", speed + "\n");
    if (!marker.empty()) std::filesystem::create_directories(root / (folder + marker));
}

}  // namespace

void make_raspberry_pi_5(const TemporaryFolder& root) {
    root.write("proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0"s);
    root.write("proc/sys/kernel/osrelease", "6.6.31+rpt-rpi-2712\n");
    root.write("etc/os-release",
               "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n");
    root.write("proc/cpuinfo", arm_cpuinfo({"0xd0b", "0xd0b", "0xd0b", "0xd0b"}) +
                                   "Revision\t: d04170\nSerial\t\t: 0\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n");
    root.write("sys/devices/system/cpu/online", "0-3\n");
    for (int core = 0; core < 4; ++core)
        arm_core(root, core, "2400000", "1500000", "");
    root.write("proc/meminfo",
               "MemTotal:        8245600 kB\nMemFree:         5123456 kB\nMemAvailable:    7345678 kB\n"
               "Buffers:          123456 kB\nCached:          2045678 kB\nSwapTotal:        204784 kB\n");
    root.write("proc/self/cgroup", "0::/user.slice/user-1000.slice/session-3.scope\n");
    root.write("proc/self/status", "Name:\tshoal\nVmPeak:\t  500000 kB\nVmHWM:\t   34567 kB\nVmRSS:\t   23456 kB\n");
    root.write("proc/pressure/memory",
               "some avg10=1.53 avg60=0.87 avg300=0.22 total=58761459\nfull avg10=0.40 avg60=0.13 avg300=0.05 "
               "total=17384\n");
    root.write("proc/pressure/cpu", "some avg10=12.00 avg60=3.50 avg300=1.00 total=1\n");
    thermal_zone(root, 0, "cpu-thermal", "57300");
    cooling_device(root, 0, "pwm-fan", "3");
    root.write("sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled",
               "50000\n");  // had both, has neither
    link(root, "lo", "772", "unknown", "", "");
    link(root, "eth0", "1", "up", "1000", "device");
    link(root, "wlan0", "1", "down", "", "wireless");
}

void make_rk3588(const TemporaryFolder& root) {
    root.write("sys/firmware/devicetree/base/model", "Radxa ROCK 5B\0"s);
    root.write("proc/cpuinfo", arm_cpuinfo({"0xd05", "0xd05", "0xd05", "0xd05", "0xd0b", "0xd0b", "0xd0b", "0xd0b"}));
    root.write("sys/devices/system/cpu/online", "0-7\n");
    for (int core = 0; core < 8; ++core) {
        const bool little = core < 4, last = core >= 6;
        arm_core(root, core,
                 little ? "1800000"
                 : last ? "2304000"
                        : "2256000",
                 "408000",
                 little ? "530"
                 : last ? "1024"
                        : "1002");
    }
    root.write("proc/meminfo",
               "MemTotal:       16228352 kB\nMemFree:        15000000 kB\nMemAvailable:   15500000 kB\n");
    root.write("proc/self/cgroup", "5:memory:/system.slice/shoal.service\n3:cpu,cpuacct:/system.slice\n");
    root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    root.write("sys/fs/cgroup/memory/system.slice/shoal.service/memory.limit_in_bytes", "1073741824\n");
    root.write("sys/fs/cgroup/memory/system.slice/shoal.service/memory.usage_in_bytes", "209715200\n");
    root.write(
        "sys/fs/cgroup/memory/system.slice/shoal.service/memory.stat",
        "cache 104857600\nrss 104857600\ninactive_file 1\ntotal_cache 104857600\ntotal_inactive_file 73400320\n");
    thermal_zone(root, 0, "soc-thermal", "84538");
    thermal_zone(root, 1, "bigcore0-thermal", "86384");
    thermal_zone(root, 10, "gpu-thermal", "-274000");  // asleep
    cooling_device(root, 0, "thermal-cpufreq-0", "0");
    cooling_device(root, 1, "thermal-cpufreq-1", "2");
    cooling_device(root, 2, "thermal-devfreq-0", "0");
    link(root, "enP4p65s0", "1", "up", "2500", "device");
    link(root, "docker0", "1", "down", "", "bridge");
}

void make_virtual_machine(const TemporaryFolder& root) {
    root.write("sys/class/dmi/id/sys_vendor", "QEMU\n");
    root.write("sys/class/dmi/id/product_name", "Standard PC (Q35 + ICH9, 2009)\n");
    string cpuinfo;
    for (int core = 0; core < 2; ++core) {
        cpuinfo +=
            "processor\t: " + std::to_string(core) +
            "\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC 9B14\ncpu MHz\t\t: 2600.000\nflags\t\t: fpu sse "
            "sse2 avx avx2 fma avx512f avx512bw avx512_bf16 avx512_vnni\nbugs\t\t: sysret_ss_attrs\n\n";
    }
    root.write("proc/cpuinfo", cpuinfo);
    root.write("sys/devices/system/cpu/online", "0-1\n");
    root.write("proc/meminfo",
               "MemTotal:       24100000 kB\nMemFree:        10000000 kB\nMemAvailable:   20000000 kB\n");
    root.write("proc/self/cgroup", "0::/kube/pod7/main\n");
    root.write("sys/fs/cgroup/kube/memory.max", "4294967296\n");
    root.write("sys/fs/cgroup/kube/memory.current", "4026531840\n");
    root.write("sys/fs/cgroup/kube/memory.stat", "anon 1\ninactive_file 134217728\n");
    root.write("sys/fs/cgroup/kube/pod7/memory.max", "max\n");
    root.write("sys/fs/cgroup/kube/pod7/main/memory.max", "2147483648\n");
    root.write("sys/fs/cgroup/kube/pod7/main/memory.current", "536870912\n");
    link(root, "eth0", "1", "up", "-1", "device");
    link(root, "veth1", "1", "up", "10000", "");
}

}  // namespace shoal::test
