#!/bin/sh
# Cross-compiles Shoal and runs it under emulation: unit tests, and then a cluster of this machine and emulated boards.
# Installs the cross compiler, qemu and mmdebstrap when they are missing, and makes the sysroot.
#
#   toolchains/test.sh aarch64|armhf
#
# Ends with 77, and one line that begins with SKIPPED, on a machine that cannot have what that needs.
#
# SHOAL_SYSROOTS: the folder of sysroots (default ~/.cache/shoal/sysroots). SHOAL_BUILD: the build folder of this machine's
# own programs (default build), SHOAL_CROSS_BUILD: that of the board's (default build-ARCH). SHOAL_TEST_TARGETS: which
# unit tests. SHOAL_TEST_PARTS: all, for what a board does not need too. SHOAL_JOBS: how many compilers at a time.
set -eu
cd "$(dirname "$0")/.."
arch=${1:-}
. toolchains/boards.sh
build=${SHOAL_CROSS_BUILD:-$PWD/build-$arch}
native=${SHOAL_BUILD:-$PWD/build}
jobs=${SHOAL_JOBS:-$(nproc)}
rooms=${SHOAL_TEST_TARGETS:-"base tensor graph wire transport runtime client node opencl"}

title() { printf '\n== %s\n\n' "$1"; }

title "What cross-compiling needs"
tests/install-packages.sh --cross "$compiler" || {
  echo "SKIPPED $arch: the cross compiler, $qemu and mmdebstrap cannot be installed here, see above"
  exit 77
}
status=0
toolchains/make-sysroot.sh "$arch" || status=$?
if [ $status = 77 ]; then echo "SKIPPED $arch: its sysroot cannot be made, for Debian's mirror cannot be reached from here"; fi
[ $status = 0 ] || exit $status

launcher=""
if command -v ccache >/dev/null; then launcher="-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"; fi
export CCACHE_BASEDIR="$PWD"

title "Building for $triple"
targets=board
for room in $rooms; do targets="$targets test_$room"; done
# What a board needs; SHOAL_TEST_PARTS=all builds hub, importer and command for it too.
parts="-DSHOAL_BUILD_HUB=OFF -DSHOAL_BUILD_IMPORTER=OFF -DSHOAL_BUILD_CLI=OFF"
if [ "${SHOAL_TEST_PARTS:-}" = all ]; then parts="" targets="$targets shoal_command"; fi
# -O1 compiles in two thirds of the time; what runs under emulation is slow either way.
# shellcheck disable=SC2086
cmake --preset "$arch" -B "$build" -DCMAKE_CXX_FLAGS_RELEASE="-O1 -DNDEBUG" $parts $launcher >"$build.log" 2>&1 || {
  cat "$build.log" >&2
  exit 1
}
rm -f "$build.log"
# shellcheck disable=SC2086
cmake --build "$build" --parallel "$jobs" --target $targets

# PoCL runs in the emulated process. It asks for a linker, which is this machine's.
help=$build/emulation
mkdir -p "$help/pocl"
cat >"$help/ld" <<END
#!/bin/sh
exec $triple-ld "\$@" -L"$(dirname "$("$triple-gcc" -print-libgcc-file-name)")"
END
chmod +x "$help/ld"
"$triple-gcc" --sysroot="$sysroot" -O1 -Wall -Wextra -shared -fPIC -DLINKER="\"$help/ld\"" toolchains/emulation_help.c \
  -o "$help/help.so"
export QEMU_SET_ENV="LD_PRELOAD=$help/help.so"
export POCL_CACHE_DIR="$help/pocl"
# By its file: a 32-bit process under emulation cannot list every folder of a 64-bit machine.
emulated_icd=/etc/OpenCL/vendors/pocl.icd

title "Unit tests under $qemu -cpu $cpu"
OCL_ICD_VENDORS=$emulated_icd ctest --test-dir "$build" --output-on-failure --timeout 900 \
  -R "^($(echo $rooms | tr ' ' '|'))\$"

title "A cluster of this machine and emulated boards"
if [ ! -f "$native/CMakeCache.txt" ]; then
  # shellcheck disable=SC2086
  cmake -S . -B "$native" -G Ninja -DCMAKE_BUILD_TYPE=Release $launcher >/dev/null
fi
cmake --build "$native" --parallel "$jobs" --target shoal_command digits
emulator="env OCL_ICD_VENDORS=$emulated_icd SHOAL_CACHE=$help/cache $qemu -L $sysroot -cpu $cpu"
SHOAL_EMULATED="$emulator $build/bin/board" SHOAL_NATIVE="$native/bin" toolchains/test-cluster.sh
