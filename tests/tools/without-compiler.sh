#!/bin/sh
# Runs a model through a hub and a node whose device cannot compile, from kernels that were built ahead of time, and holds
# the answer against one that was compiled here. For models that are too large for the tree, such as ResNet-18:
#
#   tests/tools/without-compiler.sh BUILD MODEL.onnx INPUT.npy [OUTPUT.npy]
#
# BUILD is a folder with the command and the tests' wrapper around PoCL (target test_icds). OUTPUT, where there is one, is
# kept of the node's answer.
set -eu
[ $# -ge 3 ] || { echo "usage: $0 BUILD MODEL.onnx INPUT.npy [OUTPUT.npy]" >&2; exit 2; }
build=$(cd "$1" && pwd)
model=$2 input=$3
shoal=$build/bin/shoal
. "$(dirname "$0")/cluster.sh"
export OCL_ICD_VENDORS="$build/tests/icds/icd_wrapper.so" SHOAL_CACHE="$folder/cache"
"$shoal" run "$model" --input "$input" --output "$folder/compiled" -q
"$shoal" kernels build "$model" -o "$folder/kernels" | tail -n 1

export SHOAL_WRAPPER_COMPILER=none
"$shoal" devices | grep compiler
if "$shoal" run "$model" --input "$input" -q >"$folder/refused.log" 2>&1; then fail "it ran without a compiler and kernels"; fi
start_hub
start node "$shoal" node --hub "$endpoint" --listen '127.0.0.1:*' --kernels "$folder/kernels" --cache "$folder/weights"
await node joined
"$shoal" run "$model" --input "$input" --hub "$endpoint" --output "$folder/answer" --deadline 300 || fail "the run failed"
for file in "$folder"/answer/*.npy; do
  cmp "$file" "$folder/compiled/${file##*/}" || fail "the answer is not what was compiled here"
  if [ $# -ge 4 ]; then cp "$file" "$4"; fi
done
echo "the node answered as this machine does, without a compiler"
