#!/bin/sh
# What each component costs: builds the library in all combinations of components, for size (MinSizeRel, SHOAL_SMALL),
# and writes docs/footprint.md: sizes, what each links, idle memory of a node, and how fast it is registered.
#
#   bench/footprint.sh [-o FILE] [-w FOLDER] [-j JOBS] [--toolchain FILE]
#
# FOLDER keeps the builds (default: build-footprint). With a toolchain only sizes are measured, unless the system that
# runs this can run its programs. Figures of time and memory are the least of five starts.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
out=$source/docs/footprint.md work=$source/build-footprint jobs=2 toolchain=""
while [ $# -gt 0 ]; do
  case $1 in
    -o) out=$2 ;;
    -w) work=$2 ;;
    -j) jobs=$2 ;;
    --toolchain) toolchain=$2 ;;
    *) echo "footprint.sh: unknown flag $1" >&2; exit 2 ;;
  esac
  shift 2
done
mkdir -p "$work"

# name, hub, importer
combinations='node:OFF:OFF node+hub:ON:OFF node+importer:OFF:ON node+hub+importer:ON:ON'

build() { # name hub importer
  cmake -S "$source" -B "$work/$1" -G Ninja -DCMAKE_BUILD_TYPE=MinSizeRel -DSHOAL_SMALL=ON -DBUILD_SHARED_LIBS=ON \
    -DSHOAL_BUILD_HUB="$2" -DSHOAL_BUILD_IMPORTER="$3" -DSHOAL_BUILD_CLI=OFF -DSHOAL_BUILD_TESTS=OFF \
    -DSHOAL_BUILD_EXAMPLES=OFF -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" \
    ${toolchain:+-DCMAKE_TOOLCHAIN_FILE="$toolchain"} >"$work/$1.log" 2>&1 || { tail -5 "$work/$1.log" >&2; exit 1; }
  cmake --build "$work/$1" -j "$jobs" --target shoal >>"$work/$1.log" 2>&1 || { tail -20 "$work/$1.log" >&2; exit 1; }
}
variable() { # name of a CMake cache entry
  sed -n "s/^$1:[A-Z]*=//p" "$work/node/CMakeCache.txt"
}
library() { readlink -f "$work/$1/libshoal.so"; }
bytes() { wc -c <"$1" | tr -d ' '; }
kib() { echo $((($1 + 512) / 1024)); }
field() { # name line: the figure behind that name
  echo "$2" | sed -n "s/.*$1 \([0-9.]*\).*/\1/p"
}
least() { sort -g | head -1; }

table=""
for combination in $combinations; do
  name=${combination%%:*} rest=${combination#*:}
  echo "building $name" >&2
  build "$name" "${rest%%:*}" "${rest#*:}"
  strip=$(variable CMAKE_STRIP)
  "$strip" -o "$work/$name.so" "$(library "$name")"
  needed=$("$(variable CMAKE_READELF)" -d "$work/$name.so" | sed -n 's/.*NEEDED.*\[lib\([^.]*\)\.so.*/\1/p' |
    grep -v -e '^c$' -e '^m$' -e '^gcc_s' -e '^stdc++' | tr '\n' ' ')
  table="$table| $name | $(kib "$(bytes "$work/$name.so")") KiB | $needed|
"
done

memory="Not measured: this system does not run what was built.
"
if [ -z "$toolchain" ]; then
  full=node+hub+importer
  compiler=$(variable CMAKE_C_COMPILER)
  for name in node $full; do
    "$compiler" -std=c99 -O2 -I"$source/include" "$source/bench/footprint.c" -o "$work/footprint-$name" -L"$work/$name" \
      -Wl,-rpath,"$work/$name" -lshoal -lpthread
  done
  "$compiler" -std=c99 -O2 "$source/bench/footprint_opencl.c" -o "$work/footprint-opencl" -lOpenCL
  export SHOAL_CACHE="$work/cache"
  mkfifo "$work/hub.in" 2>/dev/null || true
  "$work/footprint-$full" hub 'tcp://127.0.0.1:*' <"$work/hub.in" >"$work/hub.out" &
  exec 9>"$work/hub.in"
  trap 'exec 9>&-; wait' EXIT
  until [ -s "$work/hub.out" ]; do sleep 0.1; done
  endpoint=$(cat "$work/hub.out")
  start() { # wish
    FOOTPRINT_START=$(date +%s%N) "$work/footprint-node" node "$endpoint" "$work/cache-node" "$1"
  }
  measure() { # wish: "resident kB, milliseconds", the least of five warm starts
    start "$1" >/dev/null
    for _ in 1 2 3 4 5; do start "$1"; done >"$work/starts"
    rss=$(while read -r line; do field rss_kb "$line"; done <"$work/starts" | least)
    anon=$(while read -r line; do field anon_kb "$line"; done <"$work/starts" | least)
    joined=$(while read -r line; do field joined_ms "$line"; done <"$work/starts" | least)
  }
  bare=$(for _ in 1 2 3 4 5; do field rss_kb "$("$work/footprint-opencl")"; done | least)
  bare_anon=$(for _ in 1 2 3 4 5; do field anon_kb "$("$work/footprint-opencl")"; done | least)
  measure 0.0
  memory="| process | resident set | of that not files | start to registered, warm |
| --- | --- | --- | --- |
| OpenCL alone: loader, driver, a context and a queue | $(kib $((bare * 1024))) KiB | $bare_anon KiB | |
| an idle node with the same device | $rss KiB | $anon KiB | $joined ms |
| the node over the driver's | $((rss - bare)) KiB | $((anon - bare_anon)) KiB | |
"
  measure host
  memory="$memory| an idle node with the device \`host\`, without OpenCL | $rss KiB | $anon KiB | $joined ms |
"
fi

cat >"$out" <<EOF
# Footprint

What each component costs on a board. Made by \`bench/footprint.sh\`; figures are of
$(variable CMAKE_SYSTEM_PROCESSOR 2>/dev/null | grep . || uname -m), $("$(variable CMAKE_CXX_COMPILER)" --version | head -1).

The library holds what its components need and nothing else. They are chosen when it is built:

    cmake -S . -B build -DCMAKE_BUILD_TYPE=MinSizeRel -DSHOAL_SMALL=ON -DBUILD_SHARED_LIBS=ON \\
      -DSHOAL_BUILD_HUB=OFF -DSHOAL_BUILD_IMPORTER=OFF -DSHOAL_BUILD_CLI=OFF

The C interface is the same in all of them; a function of a part that was left out fails with \`SHOAL_UNSUPPORTED\`.

| option | what it adds |
| --- | --- |
| \`SHOAL_BUILD_HUB\` | \`shoal_start_hub\`: planner, membership, deployment |
| \`SHOAL_BUILD_IMPORTER\` | \`shoal_load_model\`, \`shoal_run\`, \`shoal_connect\`: reading ONNX files; needs protobuf |
| \`SHOAL_BUILD_CLI\` | the \`shoal\` command; needs both |
| \`SHOAL_SMALL\` | leaves out what nothing uses, function by function |

## Library

Stripped, shared, without the libraries that it needs.

| components | libshoal.so | needs |
| --- | --- | --- |
$table
Goal for the node: 1536 KiB.

## A node before any model

$memory
Goals: 12 MiB over what the OpenCL driver takes, registered in less than 100 ms. A first start takes longer: drivers are
tried, and devices measured; both are remembered.
EOF
echo "wrote $out" >&2
