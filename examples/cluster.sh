# Sourced by the examples' run.sh: a hub and boards as processes of this machine, with keys, gone when the script ends.
# Needs $shoal, the command. Sets $folder (a temporary one), $folder/log (what the cluster says) and $flags (how to reach
# it: "--hub ... --key ...").

folder=$(mktemp -d)
cluster=""
end_cluster() {
  [ -z "$cluster" ] || kill "$cluster" 2>/dev/null || true
  [ -z "$cluster" ] || wait "$cluster" 2>/dev/null || true
  rm -rf "$folder"
}
trap end_cluster EXIT
trap 'exit 130' INT TERM

# start_cluster BOARDS [flags of `shoal local`]: returns when all have joined.
start_cluster() {
  boards=$1
  shift
  "$shoal" local --boards "$boards" --listen '127.0.0.1:*' --folder "$folder" "$@" >"$folder/log" 2>&1 &
  cluster=$!
  tries=0
  until [ "$(grep -c 'board joined' "$folder/log" 2>/dev/null || true)" -ge "$boards" ]; do
    tries=$((tries + 1))
    if [ $tries -gt 600 ] || ! kill -0 "$cluster" 2>/dev/null; then
      cat "$folder/log" >&2
      echo "the boards did not come up" >&2
      exit 1
    fi
    sleep 0.1
  done
  flags=$(sed -n 's/^ *\(--hub .*\)$/\1/p' "$folder/log")
}
