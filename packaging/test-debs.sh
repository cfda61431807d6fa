#!/bin/sh
# Installs the packages in a fresh Debian, runs the digits on a cluster there with a program that was built from
# libshoal-dev, starts both services by hand as their users, upgrades, removes, and purges. Needs root, mmdebstrap, a
# compiler, and the network for Debian's packages.
#
#   packaging/test-debs.sh build-package/*.deb
#
# SUITE and MIRROR choose another Debian, BASE a tarball of a minimal one that is there already. Ends with 0 when keys
# were kept as long as they must be, and when nothing was left behind.
set -eu
[ $# -gt 0 ] || { echo "usage: $0 PACKAGE.deb..." >&2; exit 2; }
source=$(cd "$(dirname "$0")/.." && pwd)
suite=${SUITE:-bookworm}

work=$(mktemp -d)
root=$work/root
unmount_all() {
  for folder in dev sys proc; do
    if mountpoint -q "$root/$folder"; then umount -R -l "$root/$folder"; fi
  done
}
clean_up() {
  unmount_all
  rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

say() { printf '\n== %s\n' "$1"; }
fail() { echo "test-debs: $1" >&2; exit 1; }
inside() {
  chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive "$@" </dev/null
}
apt() { inside apt-get -y -qq "$@" >"$work/apt" 2>&1 || { cat "$work/apt" >&2; fail "apt-get $1 failed"; }; }
# Everything but what tools of packages write at any time: lists, logs, the users' lists before the last change.
files() {
  (cd "$root" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./tmp -o -path ./debs \
    -o -path ./var/lib/apt -o -path ./var/lib/dpkg -o -path ./var/cache/apt -o -path ./var/cache/debconf \
    -o -path ./var/log -o -path ./root -o -path ./run -o -path './etc/*-' \) -prune -o -print | sort)
}
# shellcheck disable=SC2046
install_all() { apt install --reinstall --allow-downgrades $(cd "$root" && printf '/%s ' debs/*.deb); }
keys() { (cd "$root/etc/shoal" && sha256sum node.key node.pub hub.key hub.pub); }
keys_are_kept() { [ "$(keys)" = "$(cat "$work/keys")" ] || fail "$1 changed the keys"; }

say "a fresh $suite"
mkdir "$root"
if [ -n "${BASE:-}" ]; then
  tar -xf "$BASE" -C "$root"
else
  # shellcheck disable=SC2086
  mmdebstrap --quiet --variant=minbase "$suite" "$root" ${MIRROR:-}
fi
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --make-rslave "$root/sys"
mount --rbind /dev "$root/dev"
mount --make-rslave "$root/dev"
cp /etc/resolv.conf "$root/etc/resolv.conf"
mkdir "$root/debs" "$root/tmp/digits"
cp "$@" "$root/debs/"
cp "$source"/examples/digits/*.onnx "$source"/examples/digits/*.npy "$source"/examples/digits/expected.json \
  "$source/examples/cluster.sh" "$root/tmp/digits/"
apt update
# What the packages need comes first, so that all that is new then is theirs.
needs=$(for package in "$root"/debs/*.deb; do dpkg-deb -f "$package" Depends Recommends; done |
  sed 's/^[A-Za-z]*: //' | tr ',' '\n' | sed 's/^ *//' | grep -v -e '^shoal' -e '^libshoal' | sort -u | paste -sd,)
apt satisfy "$needs"
files >"$work/before"

say "installed"
install_all
inside shoal --version
for file in node.key node.pub hub.key hub.pub node.toml hub.toml allowed; do
  [ -e "$root/etc/shoal/$file" ] || fail "/etc/shoal/$file is missing"
done
for side in node hub; do
  owner=$(inside stat -c '%a %U' /etc/shoal/$side.key)
  [ "$owner" = "600 shoal-$side" ] || fail "$side.key is of mode and owner $owner"
done
keys >"$work/keys"
inside shoal devices -q
# Programs need the soname, so a package that has another one must have another name.
# shellcheck disable=SC2016  # dpkg-query's own
library=$(inside dpkg-query -W -f '${Package}\n' 'libshoal[0-9]*')
name=$(find "$root/usr/lib" -name 'libshoal.so.*' | sed -n 's|.*/libshoal\.so\.\([0-9]*\)$|\1|p')
[ "$library" = "libshoal$name" ] || fail "the package $library has the library libshoal.so.$name"

say "the digits on three boards, by a program built from libshoal-dev"
mkdir "$work/dev"
for package in "$root"/debs/libshoal*.deb; do dpkg-deb -x "$package" "$work/dev"; done
pc=$(dirname "$(find "$work/dev" -name shoal.pc)")
# shellcheck disable=SC2046
c++ -std=c++20 -O1 "$source/examples/digits/digits.cpp" -o "$root/tmp/digits/digits" \
  $(PKG_CONFIG_PATH=$pc pkg-config --define-variable=pcfiledir="$pc" --cflags --libs shoal) -pthread
cat >"$root/tmp/digits/run.sh" <<'END'
set -eu
cd /tmp/digits
shoal=shoal
. ./cluster.sh
start_cluster 3 --memory 704KiB,656KiB,640KiB --threads 1
victim=$(sed -n 's/.* board2 *process \([0-9]*\).*/\1/p' "$folder/log")
# shellcheck disable=SC2086
./digits . $flags --kill "$victim" --result result
cat result
END
inside sh /tmp/digits/run.sh

say "hub and node from their settings, as their users"
cp "$root/etc/shoal/node.pub" "$root/etc/shoal/allowed/board.pub"
cp "$root/etc/shoal/hub.pub" "$root/etc/shoal/node-hub.pub"
cat >"$root/tmp/services.sh" <<'END'
set -eu
cd /
# What the units give: the user, and a folder for caches.
service() {
  install -d -o "shoal-$1" -g "shoal-$1" -m 700 "/var/cache/shoal-$1"
  setpriv --reuid "shoal-$1" --regid "shoal-$1" --init-groups env HOME=/nonexistent SHOAL_HUB=127.0.0.1 \
    XDG_CACHE_HOME="/var/cache/shoal-$1" shoal "$1" --config "/etc/shoal/$1.toml" >"/tmp/$1.log" 2>&1 &
}
await() {
  tries=0
  until grep -q "$2" "/tmp/$1.log"; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || { cat /tmp/*.log; exit 1; }
    sleep 0.1
  done
}
service hub
hub=$!
await hub "listening on"
service node
node=$!
await node "joined"
await hub "board joined"
kill $node $hub
wait $node || true
wait $hub || true
cat /tmp/hub.log
END
inside sh /tmp/services.sh

say "upgraded"
install_all
keys_are_kept "the upgrade"

say "removed"
apt remove shoal-node shoal-hub shoal
keys_are_kept "removing"
[ -e "$root/etc/shoal/node.toml" ] || fail "removing took the settings"
[ ! -e "$root/usr/bin/shoal" ] || fail "the command is still there"

say "installed again"
install_all
keys_are_kept "installing again"

say "purged"
apt purge shoal shoal-node shoal-hub "$library" libshoal-dev
[ -e "$root/etc/shoal/node-hub.pub" ] || fail "purging took the copy of the hub's key, which is its owner's"
rm -r "$root/etc/shoal"
files >"$work/after"
left=$(comm -13 "$work/before" "$work/after")
[ -z "$left" ] || fail "left behind:
$left"
if inside grep -i shoal /etc/passwd /etc/group; then fail "a user was left behind"; fi
inside dpkg --audit
echo "installed, ran, upgraded, removed and purged; nothing left behind"
