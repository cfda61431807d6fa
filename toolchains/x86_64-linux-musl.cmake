# x86-64 with musl, for systems without glibc. Wants a cross compiler by the names that musl-cross-make gives
# (x86_64-linux-musl-g++ in PATH) and, in -DSHOAL_SYSROOT=DIR, the root of an Alpine system with the -dev packages that
# toolchains/README.md lists. On Alpine itself no toolchain file is needed.
if(NOT EXISTS "${SHOAL_SYSROOT}/usr/include")
  message(FATAL_ERROR "Name a sysroot with musl and Shoal's libraries: -DSHOAL_SYSROOT=DIR; '${SHOAL_SYSROOT}' has no "
    "usr/include")
endif()
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SHOAL_SYSROOT)
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-linux-musl-gcc)
set(CMAKE_CXX_COMPILER x86_64-linux-musl-g++)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static-libstdc++ -static-libgcc")

include(${CMAKE_CURRENT_LIST_DIR}/find-in-sysroot.cmake)
set(ENV{PKG_CONFIG_LIBDIR} ${SHOAL_SYSROOT}/usr/lib/pkgconfig:${SHOAL_SYSROOT}/usr/share/pkgconfig)
