#!/bin/sh
# Installs what building and running Shoal needs, from Debian's or Ubuntu's own packages. Asks for nothing, and does
# nothing when all of it is there. Used by tests/run.sh and examples/digits/run.sh; run it alone to prepare a machine.
#
#   tests/install-packages.sh          what is needed to build, run and test
#   tests/install-packages.sh --all    also what the extra checks use: Clang, Oclgrind, Mesa's rusticl
#   tests/install-packages.sh --cross g++-aarch64-linux-gnu
#                                      also that cross compiler, and what runs its programs (toolchains/test.sh)
set -eu

# Build tools; OpenCL headers, loader and PoCL, which makes the CPU an OpenCL device; network and messages; importer;
# command; matrix products on GPUs; tests.
packages="build-essential cmake ninja-build pkg-config
  opencl-headers ocl-icd-opencl-dev pocl-opencl-icd
  libzmq3-dev cppzmq-dev libsodium-dev libflatbuffers-dev flatbuffers-compiler
  libprotobuf-dev protobuf-compiler
  libcli11-dev nlohmann-json3-dev libstb-dev libtomlplusplus-dev
  libclblast-dev doctest-dev valgrind abigail-tools"
if [ "${1:-}" = --all ]; then
  packages="$packages clang oclgrind mesa-opencl-icd"
elif [ "${1:-}" = --cross ]; then
  packages="$packages ${2:?which cross compiler} mmdebstrap qemu-user"
fi

missing=""
for package in $packages; do
  state=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  case $state in
    "install ok installed"*) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "install-packages: this is no Debian or Ubuntu; install what these packages hold, then run again:$missing" >&2
  exit 1
fi
as_root=""
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "install-packages: run this as root (or install sudo), for these are missing:$missing" >&2
    exit 1
  fi
  as_root=sudo
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
install_missing() {
  # shellcheck disable=SC2086
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing </dev/null
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A fresh machine has no package lists, an old one has lists that name files which are gone.
if ! install_missing >"$log" 2>&1; then
  if ! { $as_root apt-get update -qq || true; install_missing; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "install-packages: apt-get failed, see above; missing:$missing" >&2
    exit 1
  fi
fi
