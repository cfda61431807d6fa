#!/bin/sh
# Installs what is missing, builds Shoal (Release) and passes all tests. Further arguments go to CTest:
#
#   tests/run.sh                 everything
#   tests/run.sh -R plan         the tests whose names match
#
# SHOAL_BUILD names the build folder (default: build).
set -eu
cd "$(dirname "$0")/.."
tests/install-packages.sh
build=${SHOAL_BUILD:-build}
launcher=""
if command -v ccache >/dev/null; then launcher="-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"; fi
generator="-G Ninja"
if [ -f "$build/CMakeCache.txt" ]; then generator=""; fi # whatever it was made with
# shellcheck disable=SC2086
cmake -S . -B "$build" $generator -DCMAKE_BUILD_TYPE=Release -DSHOAL_BUILD_TESTS=ON $launcher
cmake --build "$build" --parallel
exec ctest --test-dir "$build" --output-on-failure --parallel "$(nproc)" "$@"
