#!/bin/sh
# Cross-compiles Shoal as boards get it, holds the library against its goal of size, and runs it under emulation: unit
# tests, and then a cluster of this machine and emulated boards. Installs the cross compiler, qemu and mmdebstrap when they
# are missing, and makes the sysroot. Says at the end how long each stage took.
#
#   toolchains/test.sh aarch64|armhf|riscv64
#
# Ends with 77, and one line that begins with SKIPPED, on a machine that cannot have what that needs.
#
# SHOAL_SYSROOTS: the folder of sysroots (default ~/.cache/shoal/sysroots). SHOAL_BUILD: the build folder of this machine's
# own programs (default build, which tests/run.sh fills), SHOAL_CROSS_BUILD: that of the board's (default build-ARCH).
# SHOAL_TEST_ROOMS: which unit tests; the default is what depends on the processor and takes seconds (README.md here says
# how the others fare). SHOAL_TEST_PARTS: all, for what a board does not need too. SHOAL_JOBS: how many at a time.
set -eu
cd "$(dirname "$0")/.."
arch=${1:-}
. toolchains/boards.sh
build=${SHOAL_CROSS_BUILD:-$PWD/build-$arch}
native=${SHOAL_BUILD:-$PWD/build}
jobs=${SHOAL_JOBS:-$(nproc)}
rooms=${SHOAL_TEST_ROOMS:-"base tensor graph wire runtime"}
goal_kib=1536 # of docs/footprint.md

# stage NAME TITLE: begins a stage; the one before is over.
times="" name="" began=0
stage() {
  now=$(date +%s)
  [ -z "$name" ] || times="$times${times:+, }$name $((now - began)) s"
  name=$1 began=$now
  [ $# -lt 2 ] || printf '\n== %s\n\n' "$2"
}

stage sysroot "What cross-compiling needs"
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

stage build "Building for $triple"
targets="board shoal"
for room in $rooms; do targets="$targets test_$room"; done
# What a board needs; SHOAL_TEST_PARTS=all builds hub, importer and command for it too.
parts="-DSHOAL_BUILD_HUB=OFF -DSHOAL_BUILD_IMPORTER=OFF -DSHOAL_BUILD_CLI=OFF"
if [ "${SHOAL_TEST_PARTS:-}" = all ]; then parts="" targets="$targets shoal_command"; fi
# For size, as docs/footprint.md says: what is tested is what is measured.
# shellcheck disable=SC2086
cmake --preset "$arch" -B "$build" -DCMAKE_BUILD_TYPE=MinSizeRel -DSHOAL_SMALL=ON -DBUILD_SHARED_LIBS=ON $parts $launcher \
  >"$build.log" 2>&1 || {
  cat "$build.log" >&2
  exit 1
}
rm -f "$build.log"
# shellcheck disable=SC2086
cmake --build "$build" --parallel "$jobs" --target $targets
"$triple-strip" -o "$build/libshoal.stripped.so" "$build/libshoal.so"
size_kib=$((($(wc -c <"$build/libshoal.stripped.so") + 1023) / 1024))
if [ -n "$parts" ]; then
  echo "the library of a node, stripped: $size_kib KiB of at most $goal_kib KiB"
  [ $size_kib -le $goal_kib ] || { echo "test: the library is too large for a board" >&2; exit 1; }
fi

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

stage "unit tests" "Unit tests under $qemu -cpu $cpu"
OCL_ICD_VENDORS=$emulated_icd ctest --test-dir "$build" --output-on-failure --timeout 900 --parallel "$jobs" \
  -R "^($(echo $rooms | tr ' ' '|'))\$"

stage "this machine's programs" "A cluster of this machine and emulated boards"
if [ ! -f "$native/CMakeCache.txt" ]; then
  # shellcheck disable=SC2086
  cmake -S . -B "$native" -G Ninja -DCMAKE_BUILD_TYPE=Release $launcher >/dev/null
fi
cmake --build "$native" --parallel "$jobs" --target shoal_command digits
stage cluster
# Where Debian has no PoCL, the boards compute with plain loops.
[ -f "$sysroot$emulated_icd" ] || export SHOAL_EMULATED_DEVICE=host
emulator="env OCL_ICD_VENDORS=$emulated_icd SHOAL_CACHE=$help/cache $qemu -L $sysroot -cpu $cpu"
SHOAL_EMULATED="$emulator $build/bin/board" SHOAL_NATIVE="$native/bin" toolchains/test-cluster.sh
stage ""
printf '\n%s passed: %s\n' "$arch" "$times"
