#!/bin/sh
# The digits on a cluster of unlike boards, with keys: the hub, the client and one board are this machine's own, two
# boards are emulated. No board can hold the network, so an emulated one takes part. The answers are compared with those
# of this machine alone; then the emulated board that is at work is killed in mid-stream.
#
# Called by toolchains/test.sh, with SHOAL_NATIVE (the folder of this machine's programs), SHOAL_EMULATED (the command that
# runs the board's program, examples/board-c) and, when PoCL cannot run there, SHOAL_EMULATED_DEVICE=host.
set -eu
cd "$(dirname "$0")/.."
native=${SHOAL_NATIVE:?}
emulated=${SHOAL_EMULATED:?}
device=${SHOAL_EMULATED_DEVICE:-best}
digits=examples/digits

shoal=$native/shoal
. tests/tools/cluster.sh

mkdir "$folder/allowed"
for name in hub client x86 arm1 arm2; do
  "$shoal" keygen "$folder/$name" >/dev/null
  cp "$folder/$name.pub" "$folder/allowed/"
done

# A loaded machine that emulates is slow: a silence of a minute is no loss yet. A board that dies is noticed at once.
start_hub --key "$folder/hub" --allow "$folder/allowed" --cache "$folder/cache-hub" --timeout 60

# start_board NAME DEVICE COMMAND...
start_board() {
  name=$1
  on=$2
  shift 2
  start "$name" "$@" --hub "$endpoint" --name "$name" --listen '127.0.0.1:*' --memory 720896 --threads 1 --device "$on" \
    --patience 300 --cache "$folder/cache-$name" --key "$folder/$name" --hub-key "$folder/hub.pub"
}
start_board x86 best "$shoal" node
# shellcheck disable=SC2086
start_board arm1 "$device" $emulated
# shellcheck disable=SC2086
start_board arm2 "$device" $emulated
for name in x86 arm1 arm2; do await $name joined; done
cat "$folder/x86.log" "$folder/arm1.log" "$folder/arm2.log"

flags="--hub $endpoint --key $folder/client --hub-key $folder/hub.pub"
echo
"$shoal" run $digits/digits.onnx --input $digits/images.npy --dim N=450 --output "$folder/alone" -q
# shellcheck disable=SC2086
"$shoal" run $digits/digits.onnx --input $digits/images.npy --each --output "$folder/cluster" --deadline 600 \
  --objective throughput $flags || fail "the run failed"

# Rows of ten scores behind a header of the same length.
scores() { od -An -v -t f4 -w40 -j 128 "$1/scores.npy"; }
scores "$folder/alone" >"$folder/alone.txt"
scores "$folder/cluster" >"$folder/cluster.txt"
paste "$folder/alone.txt" "$folder/cluster.txt" | awk '
  { best = 1; other = 11
    for (i = 1; i <= 10; ++i) {
      difference = $i - $(i + 10); if (difference < 0) difference = -difference
      if (difference > worst) worst = difference
      if (NR == 1 && i == 1) low = high = $1
      if ($i < low) low = $i
      if ($i > high) high = $i
      if ($i > $best) best = i
      if ($(i + 10) > $other) other = i + 10
    }
    if (other - best != 10) ++changed }
  END {
    printf "%d images: largest difference %.3g of the range of scores, %d classes differ\n", NR, worst / (high - low), changed
    exit !(NR == 450 && NF == 20 && worst <= 1e-4 * (high - low) && changed == 0) }' ||
  fail "the cluster does not answer as this machine alone does"

# shellcheck disable=SC2086
"$shoal" plan $digits/digits.onnx $flags --objective throughput >"$folder/plan.txt"
victim=$(sed -n 's/^stage [0-9]* on \(arm[12]\):.*/\1/p' "$folder/plan.txt" | head -n 1)
[ -n "$victim" ] || fail "no emulated board has a stage: $(cat "$folder/plan.txt")"
grep '^stage' "$folder/plan.txt"
echo
echo "$victim, emulated, is killed in the middle"
eval "victim_process=\$process_$victim"
# shellcheck disable=SC2086
"$native/digits" $digits $flags --deadline 600 --kill "$victim_process" --result "$folder/result" ||
  fail "the stream did not survive the loss: $(cat "$folder/result" 2>/dev/null)"
cat "$folder/result"
grep -q ', 0 lost, 0 repeated' "$folder/result" || fail "answers were lost or repeated"
grep 'lost' "$folder/hub.log" || fail "the hub did not notice the loss"
