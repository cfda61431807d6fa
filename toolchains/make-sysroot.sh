#!/bin/sh
# Makes a sysroot for cross-compiling in a folder, of Debian's own packages for that architecture: libraries, headers,
# and PoCL to run them under emulation. Nothing is installed on this machine and no foreign architecture is added to it.
#
#   toolchains/make-sysroot.sh aarch64|armhf|riscv64 [DIR]
#
# DIR is $SHOAL_SYSROOTS/ARCH or ~/.cache/shoal/sysroots/ARCH unless given. It is done when it is there complete; one that
# was left half made is made anew. Needs mmdebstrap. SHOAL_SUITE names another release than this machine's Debian (else
# bookworm), SHOAL_MIRROR another mirror than this machine's. Ends with 77 when that mirror cannot be reached.
set -eu
fail() {
  echo "make-sysroot: $*" >&2
  exit "${code:-1}"
}

arch=${1:-}
. "$(dirname "$0")/boards.sh"
dir=${2:-$sysroot}
suite=${SHOAL_SUITE:-$(. /etc/os-release 2>/dev/null; [ "${ID:-}" = debian ] && echo "${VERSION_CODENAME:-}" || true)}
suite=${suite:-bookworm}

# What Shoal stands on; PoCL, to run it.
packages="libc6-dev libtomlplusplus-dev libzmq3-dev cppzmq-dev libsodium-dev libflatbuffers-dev libprotobuf-dev
  opencl-headers ocl-icd-opencl-dev pocl-opencl-icd
  libcli11-dev nlohmann-json3-dev libstb-dev doctest-dev"
if [ "$arch" = riscv64 ]; then
  case $suite in bookworm | bullseye) suite=trixie ;; esac # the first Debian that has it
  packages=$(echo "$packages" | sed 's/pocl-opencl-icd//')  # which Debian has not for it
fi
# What makes sources out of schemas must be of the release that they are compiled for.
own=$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}" || true)
tools=""
if [ "$suite" != "$own" ]; then tools="flatbuffers-compiler protobuf-compiler"; fi
# The release alone, without its updates: what is built here runs with those too.
mirror=${SHOAL_MIRROR:-}
if [ -z "$mirror" ] && command -v apt-get >/dev/null; then
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 2>/dev/null | head -n 1)
fi

# The list of packages stands in the folder, so that a longer list makes it anew.
wanted="$suite $(echo "$packages $tools" | tr -s ' \n' ' ')"
mark=$dir/shoal-sysroot
if [ -f "$mark" ] && [ "$(cat "$mark")" = "$wanted" ]; then
  echo "the sysroot in $dir is complete"
  exit 0
fi
if [ -e "$dir" ] && [ ! -f "$mark" ] && [ -n "$(ls -A "$dir" 2>/dev/null)" ]; then
  fail "$dir is there and is no sysroot of this script; name another folder, or remove it"
fi
command -v mmdebstrap >/dev/null || fail "mmdebstrap is missing; install it: apt-get install mmdebstrap"

# Made beside its place and moved there, so that what is there is whole.
mkdir -p "$(dirname "$dir")"
new=$dir.new.$$
trap 'rm -rf "$new" "$new.tools" "$new.log"' EXIT
trap 'exit 130' INT TERM
echo "making a sysroot for $debian of Debian $suite in $dir (about 200 MB are fetched)"
# fetch ARCHITECTURE FOLDER PACKAGE...: twice, since mirrors hiccup.
fetch() {
  architecture=$1 folder=$2
  shift 2
  for try in 1 2; do
    rm -rf "$folder"
    if mmdebstrap --variant=extract --architectures="$architecture" --include="$(echo "$*" | tr ' ' ',')" \
      "$suite" "$folder" ${mirror:+"deb $mirror $suite main"} >"$new.log" 2>&1; then return 0; fi
  done
  return 1
}
# shellcheck disable=SC2086
if ! { fetch "$debian" "$new" $packages && { [ -z "$tools" ] || fetch "$(dpkg --print-architecture)" "$new.tools" $tools; }; }; then
  tail -n 20 "$new.log" >&2
  if grep -q -e 'Failed to fetch' -e 'Could not connect' -e 'Could not resolve' -e 'Temporary failure' "$new.log"; then
    code=77
    fail "Debian's mirror ${mirror:+$mirror }cannot be reached from here"
  fi
  fail "mmdebstrap failed, see above; does $suite have $debian?"
fi

# Links to /... would lead to this machine's files: they become relative ones.
find "$new" -xdev -type l -lname '/*' ! -path "$new/dev/*" | while IFS= read -r link; do
  ln -sfnr "$new$(readlink "$link")" "$link"
done
# Documents, translations and programs of the board are no use here.
rm -rf "$new/dev" "$new/usr/share/doc" "$new/usr/share/man" "$new/usr/share/locale" "$new/usr/bin" "$new/usr/sbin"
[ -d "$new/usr/include" ] || fail "mmdebstrap made no usr/include"
# Releases that keep everything in /usr bring the links to it with a package of their own.
for folder in lib lib64; do
  if [ ! -e "$new/$folder" ] && [ -d "$new/usr/$folder" ]; then ln -s "usr/$folder" "$new/$folder"; fi
done
# The tools run by the loader and with the libraries of their own release (toolchains/find-in-sysroot.cmake takes them).
if [ -n "$tools" ]; then
  mkdir -p "$new/build-tools/bin" "$new/build-tools/lib"
  find "$new.tools" -path '*/lib/*' -name '*.so*' ! -type d -exec cp -L {} "$new/build-tools/lib/" \;
  for tool in flatc protoc; do
    cp "$new.tools/usr/bin/$tool" "$new/build-tools/$tool"
    cat >"$new/build-tools/bin/$tool" <<'END'
#!/bin/sh
folder=$(cd "$(dirname "$0")/.." && pwd)
exec "$folder"/lib/ld-linux*.so* --library-path "$folder/lib" "$folder/$(basename "$0")" "$@"
END
    chmod +x "$new/build-tools/bin/$tool"
  done
fi
echo "$wanted" >"$new/shoal-sysroot"
rm -rf "$dir"
mv "$new" "$dir"
echo "the sysroot in $dir is complete ($(du -sh "$dir" | cut -f1))"
