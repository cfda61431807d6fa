#!/bin/sh
# What packaging/test-services.sh does inside the container that it boots.
set -eu
say() { printf '\n== %s\n' "$1"; }
fail() {
  echo "failed: $1"
  systemctl --no-pager --full status shoal-hub shoal-node || true
  journalctl --no-pager -n 60 -u shoal-hub -u shoal-node || true
  exit 1
}
property() { systemctl show -P "$2" "shoal-$1"; }
# await WHAT COMMAND...: within a minute and a half.
await() {
  what=$1
  shift
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ $tries -lt 450 ] || fail "$what did not come"
    sleep 0.2
  done
}
active() { [ "$(property "$1" ActiveState)/$(property "$1" SubState)" = active/running ]; }
restarted() { active "$1" && [ "$(property "$1" NRestarts)" -gt "$2" ]; }
client() { shoal "$@" --hub 127.0.0.1 --key /root/laptop --hub-key /etc/shoal/hub.pub; }
boards() { [ "$(client status --json 2>/dev/null | grep -c '"state": *"ready"')" = "$1" ]; }
install() { DEBIAN_FRONTEND=noninteractive apt-get -y -qq --no-install-recommends --reinstall install /debs/*.deb >/dev/null; }
digits() {
  client run /digits/digits.onnx --input /digits/images.npy --each --objective throughput -q --deadline 100 \
    --output "/root/$1" || fail "the digits do not run"
}

say "installed: nothing runs yet"
export HOME=/root
install || fail "apt-get install"
for side in hub node; do
  [ "$(property $side ActiveState)" = inactive ] || fail "shoal-$side runs before anybody asked for it"
  systemd-analyze verify "/lib/systemd/system/shoal-$side.service" || fail "systemd does not like shoal-$side.service"
  systemd-analyze --no-pager security "shoal-$side" | tail -n 1
done

say "started"
shoal keygen --quiet --output /root/laptop
cp /root/laptop.pub /etc/shoal/allowed/
cp /etc/shoal/node.pub /etc/shoal/allowed/board.pub
cp /etc/shoal/hub.pub /etc/shoal/node-hub.pub
systemctl enable --now shoal-hub || fail "the hub does not start"
active hub || fail "the hub is not active though systemctl start returned"
sed -i 's/^# hub = .*/hub = "127.0.0.1"/' /etc/shoal/node.toml
systemctl enable --now shoal-node || fail "the node does not start"
active node || fail "the node is not active though systemctl start returned"
await "the board" boards 1
for side in hub node; do
  echo "shoal-$side: user $(property $side User), status '$(property $side StatusText)'"
  [ "$(stat -c %U "/proc/$(property $side MainPID)")" = "shoal-$side" ] || fail "shoal-$side is not its user"
done
digits first

say "killed: systemd starts it again, and the board is back"
for side in node hub; do
  kill -9 "$(property $side MainPID)"
  await "the restart of shoal-$side" restarted $side 0
  await "the board after shoal-$side was killed" boards 1
  echo "shoal-$side: started again"
done
digits second
cmp /root/first/scores.npy /root/second/scores.npy || fail "the answers are others"

say "standing still: the watchdog ends it"
for side in node hub; do
  mkdir -p "/run/systemd/system/shoal-$side.service.d"
  printf '[Service]\nWatchdogSec=3\nTimeoutStopSec=2\nTimeoutAbortSec=2\n' >"/run/systemd/system/shoal-$side.service.d/quick.conf"
done
systemctl daemon-reload
systemctl restart shoal-hub shoal-node
for side in node hub; do
  await "shoal-$side" active $side
  before=$(property $side NRestarts)
  kill -STOP "$(property $side MainPID)"
  await "the watchdog of shoal-$side" restarted $side "$before"
  journalctl --no-pager -q -u shoal-$side | grep -i 'watchdog timeout' | tail -n 1
done
await "the board" boards 1
rm -r /run/systemd/system/shoal-*.service.d
systemctl daemon-reload

say "upgraded while it runs"
old=$(property node MainPID)
install || fail "apt-get install"
await "the new node" active node
[ "$(property node MainPID)" != "$old" ] || fail "the node that runs is the old one"
await "the board" boards 1

say "upgraded though the node does not start again"
echo 'memroy = "1MiB"' >>/etc/shoal/node.toml
install || fail "a node that does not start again stops the upgrade"
[ "$(property node ActiveState)" = failed ] || fail "the node runs with a key that does not exist"
[ -z "$(dpkg --audit)" ] || fail "the upgrade left packages half installed"
sed -i '/memroy/d' /etc/shoal/node.toml
systemctl reset-failed shoal-node
systemctl start shoal-node || fail "the node does not start with good settings"
await "the board" boards 1

say "stopped in good order"
for side in node hub; do
  systemctl stop shoal-$side
  [ "$(property $side Result)" = success ] || fail "shoal-$side ended as $(property $side Result)"
done

say "wrong settings: told, and not tried again and again"
echo 'memroy = "1MiB"' >>/etc/shoal/node.toml
if systemctl start shoal-node; then fail "the node starts with a key that does not exist"; fi
sleep 3
[ "$(property node ExecMainStatus)" = 2 ] || fail "it ended with $(property node ExecMainStatus), not with 2"
[ "$(property node ActiveState)" = failed ] || fail "it is tried again"
journalctl --no-pager -q -u shoal-node | grep -m 1 memroy || fail "the journal does not name the key"
sed -i '/memroy/d' /etc/shoal/node.toml

say "removed: nothing runs any more"
systemctl reset-failed
systemctl start shoal-hub shoal-node
apt-get -y -qq purge shoal-node shoal-hub shoal >/dev/null || fail "apt-get purge"
if grep -H "^shoal" /proc/[0-9]*/comm 2>/dev/null; then fail "something still runs"; fi
if ls -d /etc/shoal/*.key /var/cache/shoal-* /var/lib/shoal-* 2>/dev/null; then fail "something is left"; fi
echo "all promises held"
