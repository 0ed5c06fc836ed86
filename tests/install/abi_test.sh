#!/usr/bin/env bash
# The libraries export what is agreed, and lay it out as they did: docs/abi.md.
# Functions are called by check().
# shellcheck disable=SC2317
set -uo pipefail

. tests/install/tap.sh
. tests/install/abi.sh

UPDATE='where the change is meant, and docs/abi.md permits it: bazel run //tests/install:update_abi'

# exported LIBRARY: its dynamic symbols, with their version.
exported() {
    nm -D --defined-only "bazel/install/$1.so" | awk '$2 != "A" { print $3 }' | sort
}

# The symbols of the list, in the one version of the soname, and nothing else.
symbols() {
    local library=$1 soname node

    soname=$(objdump -p "bazel/install/$library.so" | awk '$1 == "SONAME" { print $2 }')
    node=${library#lib}_${soname##*.}
    diff -u <(sed "s/\$/@@${node^^}/" "bazel/install/$library.symbols" | sort) \
        <(exported "$library") || { echo "$UPDATE"; return 1; }
}

# The archive's global symbols are the same ones.
archive() {
    diff -u <(sort "bazel/install/$1.symbols") \
        <(nm -g --defined-only "bazel/install/$1.a" | awk 'NF == 3 { print $3 }' | sort)
}

# What the headers declare is exported, and what is exported they declare.
declared() {
    diff -u <(sort "bazel/install/$1.symbols") \
        <(abi "$1" | grep -v '^typedef' | sed -nE 's/^[^ ].*\b(viv_[a-z0-9_]+)\(.*/\1/p' | sort -u)
}

layout() {
    diff -u "tests/install/$1.abi" <(abi "$1") || { echo "$UPDATE"; return 1; }
}

soname_follows() {
    local number

    number=$(sed -n "s/^#define $2 //p" "$3")
    objdump -p "bazel/install/$1.so" | grep -qE "SONAME +$1\.so\.$number$"
}

for library in libvivarium libvivarium_client; do
    check "$library: its symbols, each with the version" symbols "$library"
    check "$library: the archive has the same" archive "$library"
    check "$library: the headers declare them" declared "$library"
    check "$library: functions, structs and enumerators are as they were" layout "$library"
done
check "libvivarium's soname is its header's version" \
    soname_follows libvivarium VIV_ABI_VERSION supervisor/vivarium.h
check "libvivarium_client's soname is its header's version" \
    soname_follows libvivarium_client VIV_CLIENT_VERSION client/vivarium_client.h
end_of_tests
