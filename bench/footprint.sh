#!/bin/sh
# What each component costs: builds the library in all combinations of components, for size (MinSizeRel, SHOAL_SMALL),
# and writes docs/footprint.md: sizes, what each links, idle memory of a node, and how fast it is registered.
#
#   bench/footprint.sh [-o FILE] [-w FOLDER] [-j JOBS] [--toolchain FILE]...
#
# FOLDER keeps the builds (default: build-footprint). Sizes are this machine's and, a column each, those of the toolchains'
# boards. Figures of time and memory are the least of five starts. Ends with 1 when a goal is missed.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
out=$source/docs/footprint.md work=$source/build-footprint jobs=2 toolchains=""
goal_kib=1536 goal_over_kib=12288 goal_ms=100
while [ $# -gt 0 ]; do
  case $1 in
    -o) out=$2 ;;
    -w) work=$2 ;;
    -j) jobs=$2 ;;
    --toolchain) toolchains="$toolchains $2" ;;
    *) echo "footprint.sh: unknown flag $1" >&2; exit 2 ;;
  esac
  shift 2
done
mkdir -p "$work"
work=$(cd "$work" && pwd)

# name, hub, importer
combinations='node+hub+importer:ON:ON node+importer:OFF:ON node+hub:ON:OFF node:OFF:OFF'
names='node node+hub node+importer node+hub+importer'
launcher=$(command -v ccache || true)

# One build folder a processor: from one combination to the next only the interface is compiled anew.
build() { # column name hub importer [toolchain]
  folder=$work/$1/build
  {
    cmake -S "$source" -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=MinSizeRel -DSHOAL_SMALL=ON -DBUILD_SHARED_LIBS=ON \
      -DSHOAL_BUILD_HUB="$3" -DSHOAL_BUILD_IMPORTER="$4" -DSHOAL_BUILD_CLI=OFF -DSHOAL_BUILD_TESTS=OFF \
      -DSHOAL_BUILD_EXAMPLES=OFF ${launcher:+-DCMAKE_CXX_COMPILER_LAUNCHER="$launcher"} \
      ${5:+-DCMAKE_TOOLCHAIN_FILE="$(cd "$source" && readlink -f "$5")"}
    cmake --build "$folder" -j "$jobs" --target shoal
  } >"$work/$1.log" 2>&1 || { tail -20 "$work/$1.log" >&2; exit 1; }
  rm -rf "${work:?}/$1/$2"
  mkdir "$work/$1/$2"
  cp -P "$folder"/libshoal.so* "$work/$1/$2/"
}
variable() { # column, name of a CMake cache entry
  sed -n "s/^$2:[A-Z]*=//p" "$work/$1/build/CMakeCache.txt"
}
library() { readlink -f "$work/$1/$2/libshoal.so"; }
bytes() { wc -c <"$1" | tr -d ' '; }
kib() { echo $((($1 + 512) / 1024)); }
field() { # name line: the figure behind that name
  echo "$2" | sed -n "s/.*$1 \([0-9.]*\).*/\1/p"
}
least() { sort -g | head -1; }

here=$(uname -m)
columns=""
for toolchain in "" $toolchains; do
  column=${toolchain##*/}
  column=${column%%-*}
  column=${column:-$here}
  columns="$columns $column"
  mkdir -p "$work/$column"
  for combination in $combinations; do
    name=${combination%%:*} rest=${combination#*:}
    echo "building $name for $column" >&2
    build "$column" "$name" "${rest%%:*}" "${rest#*:}" "$toolchain"
    "$(variable "$column" CMAKE_STRIP)" -o "$work/$column/$name.so" "$(library "$column" "$name")"
  done
done
table="| components |" rule="| --- |" missed=""
for column in $columns; do table="$table $column |" rule="$rule --- |"; done
table="$table needs |
$rule --- |
"
for name in $names; do
  table="$table| $name |"
  for column in $columns; do table="$table $(kib "$(bytes "$work/$column/$name.so")") KiB |"; done
  needed=$("$(variable "$here" CMAKE_READELF)" -d "$work/$here/$name.so" | sed -n 's/.*NEEDED.*\[lib\([^.]*\)\.so.*/\1/p' |
    grep -v -e '^c$' -e '^m$' -e '^gcc_s' -e '^stdc++' | tr '\n' ' ')
  table="$table $needed|
"
done
for column in $columns; do
  size=$(kib "$(bytes "$work/$column/node.so")")
  if [ "$size" -gt $goal_kib ]; then missed="$missed the library for $column has $size KiB;"; fi
done

full=node+hub+importer
compiler=$(variable "$here" CMAKE_C_COMPILER)
for name in node $full; do
  "$compiler" -std=c99 -O2 -I"$source/include" "$source/bench/footprint.c" -o "$work/footprint-$name" -L"$work/$here/$name" \
    -Wl,-rpath,"$work/$here/$name" -lshoal -lpthread
done
"$compiler" -std=c99 -O2 "$source/bench/footprint_opencl.c" -o "$work/footprint-opencl" -lOpenCL
export SHOAL_CACHE="$work/cache"
rm -f "$work/hub.in" "$work/hub.out"
mkfifo "$work/hub.in"
"$work/footprint-$full" hub 'tcp://127.0.0.1:*' <"$work/hub.in" >"$work/hub.out" &
hub=$!
exec 9>"$work/hub.in"
trap 'exec 9>&-; kill $hub 2>/dev/null || true; wait' EXIT
tries=0
until [ -s "$work/hub.out" ]; do
  kill -0 $hub 2>/dev/null || { echo "footprint: the hub has ended" >&2; exit 1; }
  tries=$((tries + 1))
  [ $tries -lt 600 ] || { echo "footprint: the hub does not listen within a minute" >&2; exit 1; }
  sleep 0.1
done
endpoint=$(cat "$work/hub.out")
start() { # wish
  "$work/footprint-opencl" >/dev/null # warm: systems that are short of memory drop a driver's file within seconds
  FOOTPRINT_START=$(date +%s%N) "$work/footprint-node" node "$endpoint" "$work/cache-node" "$1"
}
measure() { # wish: "resident kB, milliseconds", the least of five warm starts
  start "$1" >/dev/null
  for _ in 1 2 3 4 5; do start "$1"; done >"$work/starts"
  rss=$(while read -r line; do field rss_kb "$line"; done <"$work/starts" | least)
  anon=$(while read -r line; do field anon_kb "$line"; done <"$work/starts" | least)
  joined=$(while read -r line; do field joined_ms "$line"; done <"$work/starts" | least)
  # A figure that is missing must not look like a goal that is met.
  : "${rss:?no figure of a node with the device $1}" "${anon:?no figure of a node with the device $1}" \
    "${joined:?a node with the device $1 did not join}"
}
bare=$(for _ in 1 2 3 4 5; do field rss_kb "$("$work/footprint-opencl")"; done | least)
bare_anon=$(for _ in 1 2 3 4 5; do field anon_kb "$("$work/footprint-opencl")"; done | least)
: "${bare:?no figure of OpenCL alone}" "${bare_anon:?no figure of OpenCL alone}"
measure 0.0
over=$((rss - bare)) over_anon=$((anon - bare_anon))
if [ $over -gt $goal_over_kib ]; then missed="$missed an idle node takes $over KiB over the driver's;"; fi
if [ "${joined%.*}" -ge $goal_ms ]; then missed="$missed it is registered after $joined ms;"; fi
memory="| process | resident set | of that not files | start to registered, warm |
| --- | --- | --- | --- |
| OpenCL alone: loader, driver, a context and a queue | $(kib $((bare * 1024))) KiB | $bare_anon KiB | |
| an idle node with the same device | $rss KiB | $anon KiB | $joined ms |
| the node over the driver's | $over KiB | $over_anon KiB | |
"
measure host
memory="$memory| an idle node with the device \`host\`, without OpenCL | $rss KiB | $anon KiB | $joined ms |
"
cat >"$out" <<EOF
# Footprint

What each component costs on a board. Made by \`bench/footprint.sh\`; figures are of
$("$(variable "$here" CMAKE_CXX_COMPILER)" --version | head -1).

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

libshoal.so, stripped, without the libraries that it needs, by processor.

$table
Goal for the node: $goal_kib KiB.

## A node before any model ($here)

$memory
Goals: $((goal_over_kib / 1024)) MiB over what the OpenCL driver takes, registered in less than $goal_ms ms. A first start takes longer: drivers are
tried, and devices measured; both are remembered.

Below zero over the driver: a node gives back the pages of the driver's compiler that are only read, as soon as it is open.
They come back from the file when it compiles.
EOF
echo "wrote $out" >&2
if [ -n "$missed" ]; then
  echo "footprint: a goal is missed:${missed%;}" >&2
  exit 1
fi
