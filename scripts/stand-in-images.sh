#!/usr/bin/env bash
# stand-in-images.sh makes the base images that the Dockerfiles name on a machine that reaches no registry, for
# compose-test.sh. Nobody needs it who can pull images: an image that is there already is left alone.
#
# It takes Docker, Go, and Debian's busybox-static and ca-certificates. The stand-ins are as close to the real images as
# the Dockerfiles can tell: where things lie, what the commands are called, whom they run as. They carry the label
# presenced.stand-in; `docker rmi` removes them.
set -euo pipefail
cd "$(dirname "$0")/.."

authorities=/etc/ssl/certs/ca-certificates.crt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

die() { echo "stand-in-images: $*" >&2; exit 1; }

# base_of prints the first image that a Dockerfile builds on.
base_of() { awk 'toupper($1) == "FROM" { print $2; exit }' "$1"; }

# skeleton fills folder $1 with what every small image has: a shell, its tools, the authorities.
skeleton() {
  mkdir -p "$1"/{bin,root,tmp,etc/ssl/certs,usr/local/bin}
  chmod 1777 "$1/tmp"
  cp "$busybox" "$1/bin/busybox"
  for tool in $("$busybox" --list); do
    [ -e "$1/bin/$tool" ] || ln -s busybox "$1/bin/$tool"
  done
  cp "$authorities" "$1/etc/ssl/certs/"
  echo 'root:x:0:0:root:/root:/bin/sh' > "$1/etc/passwd"
}

# bring makes image $1 of folder $2; the other arguments are instructions for it.
bring() {
  local image=$1 root=$2 changes=(--change 'LABEL presenced.stand-in=true')
  shift 2
  for change in "$@"; do changes+=(--change "$change"); done
  tar -C "$root" --owner=0 --group=0 --numeric-owner -c . | docker import "${changes[@]}" - "$image" > /dev/null
  echo "stand-in-images: $image"
}

golang() {
  skeleton "$work/golang"
  cp -a "$(go env GOROOT)/." "$work/golang/usr/local/go"
  mkdir -p "$work/golang/go"
  bring "$1" "$work/golang" \
    'ENV PATH=/go/bin:/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin GOPATH=/go GOTOOLCHAIN=local HOME=/root' \
    'WORKDIR /go'
  docker run --rm "$1" go version > /dev/null || die "$(go env GOROOT) does not run in a container: install Go from its own archive, which needs no shared libraries"
}

nats() {
  local version
  version=v$(sed 's/^[^:]*://; s/-.*//' <<< "$1")
  skeleton "$work/nats"
  CGO_ENABLED=0 GOBIN="$work/nats/usr/local/bin" go install -trimpath -ldflags='-s -w' "github.com/nats-io/nats-server/v2@$version"
  mkdir -p "$work/nats/etc/nats"
  printf '#!/bin/sh\ncase "$1" in -* | "") set -- nats-server "$@" ;; esac\nexec "$@"\n' > "$work/nats/usr/local/bin/docker-entrypoint.sh"
  chmod 0755 "$work/nats/usr/local/bin/docker-entrypoint.sh"
  bring "$1" "$work/nats" \
    'ENV PATH=/usr/local/bin:/usr/bin:/bin' \
    'EXPOSE 4222 6222 8222' \
    'ENTRYPOINT ["docker-entrypoint.sh"]' \
    'CMD ["nats-server", "--config", "/etc/nats/nats-server.conf"]'
}

# make_for runs function $1 for the base image of Dockerfile $2, unless that image is there.
make_for() {
  local image
  image=$(base_of "$2")
  if docker image inspect "$image" > /dev/null 2>&1; then
    echo "stand-in-images: $image is there"
    return
  fi
  "$1" "$image"
}

docker version > /dev/null 2>&1 || die "no Docker engine answers: start one, or give this user the right to use it"
command -v go > /dev/null || die "no go: install Go"
[ -r "$authorities" ] || die "no $authorities: apt-get install ca-certificates"
busybox=$(command -v busybox || true)
if [ -z "$busybox" ]; then # without installing it, which would need root
  (cd "$work" && apt-get -q download busybox-static > /dev/null 2>&1 && dpkg-deb -x busybox-static_*.deb package) ||
    die "no busybox: apt-get update, or apt-get install busybox-static"
  busybox=$work/package/bin/busybox
fi

make_for golang Dockerfile
make_for nats deploy/nats/Dockerfile
