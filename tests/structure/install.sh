#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What `make install` puts where: each plugin as a .so that shows one symbol and needs nothing of the host, no .la, the SDK.
set -eu
build=${BELFRY_BUILD:-build}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
make -s -C "$build" install DESTDIR="$root" >"$root/log" 2>&1 || {
    tail -n 5 "$root/log"
    exit 1
}
failed=0
wrong() {
    printf '%s\n' "$*"
    failed=1
}
for want in bin/belfry include/belfry/plugin.h lib/pkgconfig/belfry.pc lib/belfry/plugins/smtp.so lib/belfry/plugins/webhook.so \
    lib/belfry/plugins/heartbeat.so; do
    find "$root" -path "*/$want" -type f | grep -q . || wrong "not installed: $want"
done
find "$root" -name '*.la' | grep . && wrong "libtool's .la files are of no use to anyone"
for so in $(find "$root" -name '*.so'); do
    shown=$(nm -D --defined-only "$so" | awk '{print $3}' | grep -v '^__' | tr '\n' ' ')
    case $shown in *_LTX_belfry_plugin\ ) [ "$(printf '%s' "$shown" | wc -w)" -eq 1 ] || wrong "$so shows: $shown" ;;
    *) wrong "$so shows: $shown" ;; esac
done
exit $failed
