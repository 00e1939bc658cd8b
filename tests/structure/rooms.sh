#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The rules of the house that can be seen from the includes and the sizes: a room includes the public headers of the
# rooms below it and private headers of its own, a plugin nothing but belfry/plugin.h and its own, and files stay small.
# Prints each violation as file:line: what; exits 1 if there is one.
# With a folder as argument that tree is looked at instead of this one.
set -u
cd "${1:-"$(dirname -- "$0")/../.."}" || exit 2

includes() { # FILE…: "file line header" for each #include "header"
    awk '/^[ \t]*#[ \t]*include[ \t]*"/ { split($0, part, "\""); print FILENAME, FNR, part[2] }' "$@" /dev/null
}

core_includes() {
    # shellcheck disable=SC2046 # paths without spaces
    includes $(find core -name '*.[ch]') | awk '
        BEGIN {
            n = split("base store schedule expr config plugin jobs engine notify http agent cli", order)
            for (i = 1; i <= n; i++) floor_of[order[i]] = i
        }
        {
            file = $1; line = $2; header = $3
            split(file, path, "/")
            room = path[2] == "main.c" ? "cli" : path[2]
            if (header == "belfry/plugin.h") {
                if (floor_of[room] < floor_of["config"]) tell("the SDK header is not for this room")
                next
            }
            if (split(header, part, "/") != 2 || !(part[1] in floor_of)) { tell("is not a header of a room"); next }
            if (!(room in floor_of)) { tell("the file stands in no room"); next }
            if (part[1] == room) next
            if (floor_of[part[1]] > floor_of[room]) tell("room \"" part[1] "\" stands above \"" room "\"")
            else if (part[2] != part[1] ".h") tell("is private to room \"" part[1] "\"")
        }
        function tell(what) { print file ":" line ": \"" header "\": " what }'
}

plugin_includes() {
    # shellcheck disable=SC2046
    includes $(find plugins -name '*.[ch]' ! -name 'test_*') | while read -r file line header; do
        case $header in
        belfry/plugin.h) ;;
        */* | ..*) echo "$file:$line: \"$header\": a plugin includes belfry/plugin.h and headers of its own folder" ;;
        *) [ -f "$(dirname "$file")/$header" ] || echo "$file:$line: \"$header\": is not in the plugin's folder" ;;
        esac
    done
}

size() { # MOST FILE…
    most=$1
    shift
    for file; do
        [ -f "$file" ] || { echo "$file:1: is missing"; continue; }
        lines=$(wc -l <"$file")
        [ "$lines" -le "$most" ] || echo "$file:$((most + 1)): $lines lines, at most $most are allowed"
    done
}

sizes() {
    # shellcheck disable=SC2046
    size 600 $(find core plugins -name '*.[ch]')
    size 300 sdk/include/belfry/plugin.h core/plugin/loader.c
    size 400 configure.ac
}

violations=$(core_includes; plugin_includes; sizes)
[ -z "$violations" ] && exit 0
printf '%s\n' "$violations"
exit 1
