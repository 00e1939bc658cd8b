#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every example loads: each file of conf.d by itself, conf.d as a whole, the demo, the plugins' own, and what README.md
# shows. BELFRY_BUILD is the build to ask (build/ by default).
set -u
cd "$(dirname -- "$0")/../.." || exit 2
build=${BELFRY_BUILD:-build}
[ -x "$build/belfry" ] || { echo "$build/belfry is not built" && exit 2; }
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
umask 022 # the agent believes copies of ours, whoever owns the checkout
mkdir "$folder/plugins" "$folder/all"
cp "$build"/plugins/.libs/*.so "$folder/plugins"
bad=0

loads() { # WHAT PATH
    "$build/belfry" check -q -c "$2" --plugin-dir "$folder/plugins" && return
    echo "$1 does not load"
    bad=1
}

for file in conf.d/*.yaml conf.d/demo/*.yaml plugins/*/example.yaml; do
    mkdir "$folder/one" && cp "$file" "$folder/one/example.yaml"
    loads "$file" "$folder/one/example.yaml"
    rm -r "$folder/one"
done
cp conf.d/*.yaml "$folder/all"
loads "conf.d as a whole" "$folder/all"
awk '/^```yaml$/ { inside = 1; next } /^```$/ { inside = 0 } inside' README.md >"$folder/readme.yaml"
[ -s "$folder/readme.yaml" ] || bad=1
loads README.md "$folder/readme.yaml"
exit $bad
