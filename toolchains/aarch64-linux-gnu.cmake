# 64-bit ARM, glibc: Raspberry Pi 3 to 5, RK3588, i.MX8, Jetson. Packages: g++-aarch64-linux-gnu, qemu-user.
# Runs on every ARMv8-A; -DCMAKE_CXX_FLAGS=-mcpu=cortex-a76 suits a newer core better.
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(shoal_triple aarch64-linux-gnu)
set(shoal_board aarch64)
set(shoal_qemu qemu-aarch64)
set(shoal_cpu cortex-a53)
include(${CMAKE_CURRENT_LIST_DIR}/debian-sysroot.cmake)
