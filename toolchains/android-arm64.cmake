# Android on 64-bit ARM, by the NDK's own file: ANDROID_NDK names the NDK (r25 or newer). Shoal's libraries for Android are
# looked for in -DSHOAL_SYSROOT=PREFIX, a folder with include/ and lib/ (vcpkg's arm64-android makes one).
if(NOT EXISTS "$ENV{ANDROID_NDK}/build/cmake/android.toolchain.cmake")
  message(FATAL_ERROR "ANDROID_NDK does not name an Android NDK: '$ENV{ANDROID_NDK}' has no "
    "build/cmake/android.toolchain.cmake")
endif()
if(NOT EXISTS "${SHOAL_SYSROOT}/include")
  message(FATAL_ERROR "Name a folder with Shoal's libraries for Android: -DSHOAL_SYSROOT=PREFIX; '${SHOAL_SYSROOT}' has no "
    "include")
endif()
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SHOAL_SYSROOT)
set(ANDROID_ABI arm64-v8a)
if(NOT DEFINED ANDROID_PLATFORM)
  set(ANDROID_PLATFORM android-28)
endif()
set(ANDROID_STL c++_static)
include($ENV{ANDROID_NDK}/build/cmake/android.toolchain.cmake)

list(PREPEND CMAKE_FIND_ROOT_PATH ${SHOAL_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(ENV{PKG_CONFIG_LIBDIR} ${SHOAL_SYSROOT}/lib/pkgconfig:${SHOAL_SYSROOT}/share/pkgconfig)
