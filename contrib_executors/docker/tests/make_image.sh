#!/bin/sh
# Makes a small image with Python 3 by debootstrap, where no registry can be reached, and imports it as
# core-plus-test:latest. The tests of the executors docker and podman find it by that name.
#
#   sh make_image.sh ARCHIVE.tar            build the archive, if it isn't there (as root; needs debootstrap, 100 s)
#   sh make_image.sh ARCHIVE.tar docker     the same, and import it into an engine: docker or podman
#
# An engine elsewhere: DOCKER_HOST or CONTAINER_HOST, as its command takes them.
set -eu
archive=${1:?usage: sh make_image.sh ARCHIVE.tar [docker|podman]}
engine=${2:-}
if [ ! -s "$archive" ]; then
    root=$(mktemp -d /var/tmp/core-plus-image.XXXXXX)
    trap 'rm -rf "$root"' EXIT
    debootstrap --variant=minbase --include=python3 "${SUITE:-bookworm}" "$root"
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/doc
    tar -C "$root" -cf "$archive.part" .
    mv "$archive.part" "$archive"
fi
if [ -n "$engine" ]; then
    "$engine" import "$archive" core-plus-test:latest
fi
