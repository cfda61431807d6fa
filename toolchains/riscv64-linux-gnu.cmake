# 64-bit RISC-V (RV64GC), glibc. Packages: g++-riscv64-linux-gnu, qemu-user.
set(CMAKE_SYSTEM_PROCESSOR riscv64)
set(shoal_triple riscv64-linux-gnu)
set(shoal_board riscv64)
set(shoal_qemu qemu-riscv64)
set(shoal_cpu rv64)
include(${CMAKE_CURRENT_LIST_DIR}/debian-sysroot.cmake)
