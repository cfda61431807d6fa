#!/bin/sh
# Boots a fresh Debian with its systemd in a container (systemd-nspawn), installs the packages there and holds the units to
# what docs/service.md promises: ready when they say so, restarted when they fail or stand still, not restarted on wrong
# settings, upgraded while they run, ended in good order. Needs root, mmdebstrap, systemd-container, and the network for
# Debian's packages.
#
#   packaging/test-services.sh build-package/*.deb
#
# SUITE and MIRROR choose another Debian. Ends with 0 when every promise held.
set -eu
[ $# -gt 0 ] || { echo "usage: $0 PACKAGE.deb..." >&2; exit 2; }
source=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
root=$work/root
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM
fail() { echo "test-services: $1" >&2; exit 1; }
for tool in mmdebstrap systemd-nspawn; do
  command -v $tool >/dev/null || fail "$tool is missing (packages mmdebstrap, systemd-container)"
done

packages=""
for package in "$@"; do
  case ${package##*/} in libshoal*) ;; *) packages="$packages $package" ;; esac
done
# shellcheck disable=SC2086
needs=$(for package in $packages; do dpkg-deb -f "$package" Depends Recommends; done |
  sed 's/^[A-Za-z]*: //' | tr ',' '\n' | sed 's/ *|.*//; s/ *(.*)//; s/^ *//' | grep -v '^shoal' | sort -u | paste -sd,)
echo "== a fresh Debian with systemd"
# shellcheck disable=SC2086
mmdebstrap --quiet --variant=minbase --include="systemd,systemd-sysv,dbus,$needs" "${SUITE:-bookworm}" "$root" ${MIRROR:-}
mkdir "$root/debs" "$root/digits"
# shellcheck disable=SC2086
cp $packages "$root/debs/"
cp "$source"/examples/digits/*.onnx "$source"/examples/digits/*.npy "$root/digits/"
cp "$source/packaging/services-inside.sh" "$root/check.sh"
cat >"$root/etc/systemd/system/check.service" <<'END'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh /check.sh
ExecStopPost=/bin/systemctl --no-block poweroff
StandardOutput=file:/check.log
StandardError=file:/check.log
END
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../check.service "$root/etc/systemd/system/multi-user.target.wants/check.service"
# It stays in the control group that it is started from, so that this machine needs no systemd of its own.
systemd-nspawn --quiet --register=no --keep-unit --private-network --boot -D "$root" --console=pipe </dev/null >"$work/console" 2>&1 ||
  { tail -n 30 "$work/console" >&2; fail "the container does not boot"; }
cat "$root/check.log"
[ "$(tail -n 1 "$root/check.log")" = "all promises held" ] || fail "see above"
