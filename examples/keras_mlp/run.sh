#!/bin/sh
# A Keras network on a cluster of four boards (processes on this machine): the batch of 1000 inputs is split over them,
# the hub merges the predictions, and the result is held against what TensorFlow gave.
#
# Ends with a line like "1000 predictions, mean 0.123, largest difference from TensorFlow 2e-07", and with 0 only when
# the difference is small.
set -eu
cd "$(dirname "$0")/../.."
here=examples/keras_mlp
build=${SHOAL_BUILD:-build}
shoal=$build/bin/shoal
[ -x "$shoal" ] || { echo "build the shoal command first: cmake --build $build --target shoal_command" >&2; exit 1; }

folder=$(mktemp -d)
cluster=""
end() {
  [ -z "$cluster" ] || kill "$cluster" 2>/dev/null || true
  [ -z "$cluster" ] || wait "$cluster" 2>/dev/null || true
  rm -rf "$folder"
}
trap end EXIT
trap 'exit 130' INT TERM

"$shoal" local --boards 4 --listen '127.0.0.1:*' --folder "$folder" >"$folder/log" 2>&1 &
cluster=$!
tries=0
until [ "$(grep -c 'board joined' "$folder/log" 2>/dev/null || true)" -ge 4 ]; do
  tries=$((tries + 1))
  if [ $tries -gt 600 ] || ! kill -0 "$cluster" 2>/dev/null; then
    cat "$folder/log" >&2
    echo "the boards did not come up" >&2
    exit 1
  fi
  sleep 0.1
done
flags=$(sed -n 's/^ *\(--hub .*\)$/\1/p' "$folder/log")

# shellcheck disable=SC2086
"$shoal" run $here/mlp.onnx -i x=$here/inputs.npy --objective throughput --output "$folder/out" $flags
python3 $here/compare.py "$folder/out/y.npy" $here/outputs.npy
