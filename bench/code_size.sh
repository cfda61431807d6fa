#!/bin/sh
# Lines of code of each room, and how many operators stand on how many kernels. Blank lines and comments are not counted.
set -eu
cd "$(dirname "$0")/.."
lines() { # folder, names...
  folder=$1
  shift
  find "$folder" -type f \( -name '*.cpp' -o -name '*.hpp' -o -name '*.h' -o -name '*.c' -o -name '*.cl' -o -name '*.fbs' \) "$@" \
    -exec cat {} + | grep -c -v -e '^[[:space:]]*$' -e '^[[:space:]]*//' || true
}
row() { printf '%-22s %6s\n' "$1" "$2"; }
for room in include lib/* opencl platform cli; do
  [ -d "$room" ] || continue
  row "$room" "$(lines "$room")"
done | sort
row "all of these" "$(($(for room in include lib opencl platform cli; do printf '%s+' "$(lines "$room")"; done)0))"
row tests "$(lines tests)"
echo
rows() { # those of one domain, as the first field of a row of a family says it
  grep -hoE "^    (\\{|on_slots\\(|steering\\()$1\"[A-Za-z0-9]+\"" lib/importer/lower/*.cpp | grep -oE '[A-Za-z0-9]+"$' | sort -u | wc -l
}
row "ONNX operators" "$(rows '("", |)')"
row "com.microsoft's" "$(rows 'kMicrosoft, ')"
row "ai.onnx.ml's" "$(rows 'kLearning, ')"
row "core operators" "$(find lib/graph/cards -name '*.cpp' ! -name support.cpp | wc -l)"
row "scalar functions" "$(grep -cE '^ +SHOAL_(REAL|WHOLE|BOTH|[A-Z]+)\(' lib/graph/scalar_function.cpp)"
row "kernels by hand" "$(find opencl/kernels -name '*.cl' ! -name prelude.cl | wc -l), $(lines opencl/kernels) lines"
