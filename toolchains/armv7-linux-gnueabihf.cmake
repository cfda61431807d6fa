# 32-bit ARM with NEON, glibc: Cortex-A7 and newer, 64-bit boards with a 32-bit system. Packages: g++-arm-linux-gnueabihf,
# qemu-user.
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(shoal_triple arm-linux-gnueabihf)
set(shoal_board armhf)
set(shoal_qemu qemu-arm)
set(shoal_cpu cortex-a7)
set(CMAKE_C_FLAGS_INIT "-march=armv7-a+neon")
set(CMAKE_CXX_FLAGS_INIT "-march=armv7-a+neon -Wno-psabi")  # notes on GCC 7.1, which is no use of ours
include(${CMAKE_CURRENT_LIST_DIR}/debian-sysroot.cmake)
