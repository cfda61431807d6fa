# Sourced by scripts that test a cluster of processes which they start one by one: a temporary $folder, and what was started
# is gone when the script ends. (The examples have theirs from `shoal local`: examples/cluster.sh.)

folder=$(mktemp -d)
processes=""
finish() {
  for process in $processes; do kill "$process" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM

# fail WHY: ends the script, with what everybody said last.
fail() {
  for log in "$folder"/*.log; do
    echo "--- ${log##*/}" >&2
    tail -n 30 "$log" >&2
  done
  echo "${0##*/}: $*" >&2
  exit 1
}

# start NAME COMMAND...: in the background; what it says is in $folder/NAME.log, its process in $process_NAME.
start() {
  started=$1
  shift
  "$@" >"$folder/$started.log" 2>&1 &
  eval "process_$started=$!"
  processes="$processes $!"
}

# await NAME PATTERN: until NAME has said something of the kind. It must live, and has five minutes.
await() {
  tries=0
  eval "awaited=\$process_$1"
  until grep -q "$2" "$folder/$1.log" 2>/dev/null; do
    tries=$((tries + 1))
    if [ $tries -gt 3000 ] || ! kill -0 "$awaited" 2>/dev/null; then fail "$1 does not say '$2'"; fi
    sleep 0.1
  done
}

# start_hub [FLAG...]: by the command $shoal, on a free port of this machine, which is $endpoint then (HOST:PORT).
start_hub() {
  start hub "$shoal" hub --listen '127.0.0.1:*' "$@"
  await hub 'listening on tcp://'
  endpoint=$(sed -n 's/.*listening on tcp:\/\/\([^,]*\).*/\1/p' "$folder/hub.log" | head -n 1)
}
