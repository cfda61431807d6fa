#!/bin/sh
# Runs the packages' maintainer scripts in a folder instead of a system (dpkg's DPKG_ROOT): keys are made whole whenever the
# power goes, other machines' keys are left alone, and a service that is in trouble does not stop dpkg.
#
#   maintainer_scripts_test.sh SCRIPTS SHOAL    SCRIPTS holds node/postinst, hub/postrm, ...
set -eu
scripts=$1 shoal=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "maintainer scripts: $1" >&2; exit 1; }

# What the scripts call: users exist, systemd finds every service in trouble, and the power goes at the step that $die_at
# names. A secret is put in its place only after it was given to its user.
mkdir "$work/bin"
stub() { printf '#!/bin/sh\n%s\n' "$2" >"$work/bin/$1"; chmod +x "$work/bin/$1"; }
step='echo "$(basename "$0") $*" >>"$log"; [ "$(wc -l <"$log")" -ne "${die_at:-0}" ] || exit 9; '
for tool in getent adduser deluser systemctl; do stub $tool :; done
stub deb-systemd-invoke 'exit 1'
stub chown "$step"
stub shoal "$step exec $shoal \"\$@\""
# shellcheck disable=SC2016  # expanded in the stub
stub mv "$step"'
case "$1" in
  *.key) grep -q "^chown .*$1" "$log" || exit 8 ;;
esac
exec /bin/mv "$@"'

export DPKG_ROOT="$work/root" log="$work/log" die_at=0
keys=$DPKG_ROOT/etc/shoal
run() { # script side arguments...
  script=$scripts/$2/$1
  shift 2
  : >"$log"
  PATH="$work/bin:$PATH" sh "$script" "$@"
}
fresh_root() {
  rm -rf "$DPKG_ROOT"
  mkdir -p "$keys" "$DPKG_ROOT/run/systemd/system"
  echo "# settings" >"$keys/node.toml"
}
is_pair() { # side: its public half is what belongs to the secret
  rm -rf "$work/pair"
  mkdir "$work/pair"
  cp "$keys/$1.key" "$work/pair/copy.key" || return 1
  "$shoal" keygen --quiet --output "$work/pair/copy" && cmp -s "$work/pair/copy.pub" "$keys/$1.pub"
}

for side in node hub; do
  fresh_root
  run postinst $side configure || fail "$side: the first installation fails"
  is_pair $side || fail "$side: no keys are made"
  cp "$keys/$side.key" "$work/kept.key"
  run postinst $side configure 0.0.9 || fail "$side: a service that does not restart stops the upgrade"
  cmp -s "$keys/$side.key" "$work/kept.key" || fail "$side: an upgrade changes the keys"
  rm "$keys/$side.pub"
  run postinst $side configure 0.0.9
  is_pair $side || fail "$side: a missing public half is not written anew"
  cmp -s "$keys/$side.key" "$work/kept.key" || fail "$side: the secret is another"
  run prerm $side remove || fail "$side: a service that does not stop stops the removal"
  run postrm $side remove
  [ -e "$keys/$side.key" ] || fail "$side: removing takes the keys"
  run postrm $side purge
  if ls "$keys"/$side.*[by] 2>/dev/null; then fail "$side: purging leaves keys"; fi

  die_at=1
  while :; do
    fresh_root
    if run postinst $side configure 2>/dev/null; then break; fi
    killed=$die_at die_at=0
    run postinst $side configure || fail "$side: after a loss of power at step $killed it is not installed"
    is_pair $side || fail "$side: a loss of power at step $killed leaves no usable keys"
    [ ! -e "$keys/.$side.new" ] || fail "$side: a loss of power at step $killed leaves secrets behind"
    die_at=$((killed + 1))
  done
  [ $die_at -gt 4 ] || fail "$side: the power never went"
  die_at=0

  # A copy of another machine's key under the name that is ours.
  fresh_root
  echo theirs >"$keys/$side.pub"
  run postrm $side purge
  [ "$(cat "$keys/$side.pub")" = theirs ] || fail "$side: purging takes another machine's key"
  run postinst $side configure
  is_pair $side || fail "$side: another machine's public key keeps ours from being made"
  [ "$(cat "$keys/$side.pub.old")" = theirs ] || fail "$side: another machine's key is lost"
done

# The same while the power goes: the other machine's key is never lost.
for side in node hub; do
  die_at=1
  while :; do
    fresh_root
    echo theirs >"$keys/$side.pub"
    if run postinst $side configure 2>/dev/null; then break; fi
    killed=$die_at die_at=0
    run postinst $side configure || fail "$side: after a loss of power at step $killed it is not installed"
    is_pair $side || fail "$side: a loss of power at step $killed leaves no usable keys"
    [ "$(cat "$keys/$side.pub.old")" = theirs ] || fail "$side: a loss of power at step $killed loses another machine's key"
    die_at=$((killed + 1))
  done
  die_at=0
done
fresh_root
echo theirs >"$keys/hub.pub"
echo "hub-key = \"$keys/hub.pub\"" >"$keys/node.toml"
run postinst hub configure 2>/dev/null
[ "$(cat "$keys/node-hub.pub")" = theirs ] || fail "the key by which a node of the board knows its hub is lost"
echo "keys were whole whenever the power went, and no service held dpkg up"
