#!/usr/bin/env bash
# Installs the build under a folder. Starts in Bazel's tree of what it needs.
set -euo pipefail

usage() {
    cat <<'END'
usage: bazel run //:install -- [--strip] PREFIX

Libraries, headers and pkg-config files, vivariumd, viv and the worker, with
their pages. $DESTDIR is put before PREFIX for a package to be made of it.
END
}

strip=()
case ${1:-} in
-h | --help)
    usage
    exit 0
    ;;
--strip)
    strip=(--strip)
    shift
    ;;
esac
if (($# != 1)); then
    usage >&2
    exit 2
fi

prefix=$1
[[ $prefix == /* ]] || prefix=${BUILD_WORKING_DIRECTORY:-$PWD}/$prefix
prefix=$(realpath --canonicalize-missing --no-symlinks "$prefix")
root=${DESTDIR:-}$prefix
version=$(sed -n 's/^#define VIV_VERSION "\(.*\)"/\1/p' supervisor/vivarium.h)

# into FOLDER MODE FILE...
into() {
    local folder=$root/$1 mode=$2

    shift 2
    install -d "$folder"
    install -m "$mode" "$@" "$folder"
}

# In the tree a header is found from the root, installed from its own folder;
# and how errors are filled in is nobody's business there.
header() {
    install -d "$root/include/vivarium"
    sed -E -e 's|#include "proto/error.h"|#include "vivarium_error.h"|' \
        -e 's|#include "(client\|proto\|supervisor)/|#include "|' "$1" \
        >"$root/include/vivarium/${1##*/}"
    chmod 644 "$root/include/vivarium/${1##*/}"
}

# Under its soname, and under the name that the linker looks for.
shared() {
    local name=$1 soname

    soname=$(objdump -p "bazel/install/$name.so" | awk '$1 == "SONAME" { print $2 }')
    install -d "$root/lib"
    install -m 644 "${strip[@]}" "bazel/install/$name.so" "$root/lib/$soname"
    ln -sf "$soname" "$root/lib/$name.so"
}

pkg_config() {
    install -d "$root/lib/pkgconfig"
    sed -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" "bazel/install/$1.in" \
        >"$root/lib/pkgconfig/$1"
    chmod 644 "$root/lib/pkgconfig/$1"
}

unit() {
    install -d "$root/lib/systemd/system"
    sed "s|/usr/bin/|$prefix/bin/|" "$1" >"$root/lib/systemd/system/${1##*/}"
    chmod 644 "$root/lib/systemd/system/${1##*/}"
}

shopt -s nullglob
into bin 755 "${strip[@]}" supervisor/service/vivariumd client/viv/viv
into lib/vivarium 755 "${strip[@]}" worker/vivarium-worker worker/vivarium-probe \
    supervisor/cgroup/vivarium-cgroup-probe
into lib/vivarium 644 "${strip[@]}" worker/vivarium-worker.so
for name in libvivarium libvivarium_client; do
    shared "$name"
    into lib 644 "bazel/install/$name.a"
done
for file in supervisor/vivarium.h client/vivarium_*.h proto/vivarium_error.h; do
    header "$file"
done
pkg_config vivarium.pc
pkg_config vivarium-client.pc
into share/vivarium/proto/vivarium/v1 644 proto/vivarium/v1/*.proto
into share/doc/vivarium/examples 644 deploy/vivariumd.yaml
for file in docs/man/*.[1-8]; do
    into "share/man/man${file##*.}" 644 "$file"
done
# Completions are found by the command's name.
for file in docs/man/*.bash; do
    install -D -m 644 "$file" "$root/share/bash-completion/completions/$(basename "$file" .bash)"
done
for file in docs/man/_*; do
    into share/zsh/vendor-completions 644 "$file"
done
for file in deploy/systemd/*.service; do
    unit "$file"
done
echo "installed Vivarium $version under $root"
