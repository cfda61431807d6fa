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

. examples/cluster.sh

start_cluster 4
# shellcheck disable=SC2086
"$shoal" run $here/mlp.onnx -i x=$here/inputs.npy --mode batch --output "$folder/out" $flags
python3 $here/compare.py "$folder/out/y.npy" $here/outputs.npy
