#!/bin/sh
# Compiles the whole library and the command with GCC 10, which is Debian 11's: in a folder with that Debian's compiler and C
# library, against the other libraries' headers of this machine. Nothing is linked, for those libraries are newer.
#
#   toolchains/test-gcc10.sh [BUILD]          default: build-gcc10
#
# Needs root (chroot, a bind mount), mmdebstrap, and Debian's mirror. SHOAL_JOBS: how many compilers at a time.
set -eu
cd "$(dirname "$0")/.."
build=${1:-$PWD/build-gcc10}
mkdir -p "$build"
build=$(cd "$build" && pwd)
root=$build/debian11
if [ ! -x "$root/usr/bin/g++-10" ]; then
  rm -rf "$root"
  mmdebstrap --quiet --variant=apt --include=g++-10 bullseye "$root"
fi
# Of this machine's headers those that belong to no compiler and no C library.
mkdir -p "$root/usr/local/include" "$root$PWD"
for headers in zmq.h zmq.hpp zmq_addon.hpp sodium.h sodium flatbuffers google CLI nlohmann toml++ stb doctest CL clblast.h clblast_c.h clblast_half.h; do
  for folder in /usr/include /usr/local/include; do
    if [ -e "$folder/$headers" ]; then cp -r "$folder/$headers" "$root/usr/local/include/"; fi
  done
done
if [ -d /usr/include/stb ]; then cp -r /usr/include/stb "$root/usr/include/"; fi  # it is named by its own folder
# What CMake compiles to learn of the compiler lies among its modules.
for modules in /usr/share/cmake*/Modules; do
  mkdir -p "$root$modules"
  cp -r "$modules"/*ABI* "$root$modules/"
done
finish() { umount "$root$PWD"; }
mount --bind "$PWD" "$root$PWD"
trap finish EXIT
trap 'exit 130' INT TERM
# The build folder must be within the tree: it is seen through the same mount.
for language in gcc:gcc-10 g++:g++-10; do
  cat >"$build/${language%%:*}" <<END
#!/bin/sh
exec chroot "$root" /usr/bin/env -C "\$PWD" ${language##*:} "\$@"
END
  chmod +x "$build/${language%%:*}"
done
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O0 -DNDEBUG" \
  -DCMAKE_C_COMPILER="$build/gcc" -DCMAKE_CXX_COMPILER="$build/g++" -DSHOAL_BUILD_TESTS=OFF -DSHOAL_BUILD_EXAMPLES=OFF >"$build/configure.log" || { cat "$build/configure.log"; exit 1; }
"$build/g++" --version | head -n 1
cmake --build "$build" --parallel "${SHOAL_JOBS:-$(nproc)}" --target shoal_cli shoal_capi
