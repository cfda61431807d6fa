# What the toolchain files for Debian's cross compilers share. They set shoal_triple, shoal_board and shoal_qemu first.
#
# The sysroot is $SHOAL_SYSROOTS/<board>, by default ~/.cache/shoal/sysroots/<board>, as toolchains/make-sysroot.sh makes
# it; -DSHOAL_SYSROOT=DIR names another.
set(sysroots $ENV{HOME}/.cache/shoal/sysroots)
if(DEFINED ENV{SHOAL_SYSROOTS})
  set(sysroots $ENV{SHOAL_SYSROOTS})
endif()
set(SHOAL_SYSROOT ${sysroots}/${shoal_board} CACHE PATH "What the board has: libraries and headers")
if(NOT EXISTS ${SHOAL_SYSROOT}/usr/include)
  message(FATAL_ERROR "There is no sysroot in ${SHOAL_SYSROOT}; make it with: "
    "toolchains/make-sysroot.sh ${shoal_board} ${SHOAL_SYSROOT}")
endif()
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SHOAL_SYSROOT)

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_LIBRARY_ARCHITECTURE ${shoal_triple})
set(CMAKE_C_COMPILER ${shoal_triple}-gcc)
set(CMAKE_CXX_COMPILER ${shoal_triple}-g++)

include(${CMAKE_CURRENT_LIST_DIR}/find-in-sysroot.cmake)
set(ENV{PKG_CONFIG_LIBDIR} ${SHOAL_SYSROOT}/usr/lib/${shoal_triple}/pkgconfig:${SHOAL_SYSROOT}/usr/share/pkgconfig)

# Debian's linker looks for libraries that libraries need only where it is told to.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-rpath-link,${SHOAL_SYSROOT}/usr/lib/${shoal_triple}:${SHOAL_SYSROOT}/lib/${shoal_triple}")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "${CMAKE_EXE_LINKER_FLAGS_INIT}")

find_program(SHOAL_QEMU NAMES ${shoal_qemu} ${shoal_qemu}-static)
if(SHOAL_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${SHOAL_QEMU};-L;${SHOAL_SYSROOT};-cpu;${shoal_cpu})
endif()
