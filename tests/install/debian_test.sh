#!/usr/bin/env bash
# The Debian packages: made, unpacked and run, installed into a root of their own,
# purged. dpkg's --root and DPKG_ROOT need no chroot; root's rights they do.
# Functions are called by check().
# shellcheck disable=SC2317
set -uo pipefail

. tests/install/tap.sh

DEBS=$FOLDER/debs
ROOT=$FOLDER/root
AS_ROOT=()
((EUID == 0)) || AS_ROOT=(fakeroot)

admin() {
    "${AS_ROOT[@]}" dpkg --root="$ROOT" --force-script-chrootless --force-depends --no-triggers "$@"
}

four() {
    local debs=("$DEBS"/*.deb)

    ((${#debs[@]} == 4))
}

# depends PACKAGE NAME...
depends() {
    local package=$1 line name

    shift
    line=$(dpkg-deb -f "$DEBS"/"$package"_*.deb Depends) || return
    for name; do
        grep -qE "(^|, )${name}( |,|$)" <<<"$line" || { echo "no $name in: $line"; return 1; }
    done
}

# Where a library's soname rises, the name of its package does.
sonames() {
    local deb

    for deb in "$DEBS"/libvivarium*_*.deb; do
        [[ $deb != *-dev_* ]] || continue
        dpkg-deb --ctrl-tarfile "$deb" | tar -xO ./shlibs |
            while read -r library number package _; do
                [[ $package == "${library//_/-}$number" ]] || exit 1
            done || return
    done
}

# The packages are the project's own: nobody can be written to yet.
lint() {
    lintian --allow-root --fail-on error,warning --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog \
        "$DEBS"/*.deb
}

belongs_to_root() {
    ! for deb in "$DEBS"/*.deb; do dpkg-deb -c "$deb"; done | grep -v ' root/root '
}

unpacked() {
    local deb

    for deb in "$DEBS"/*.deb; do
        dpkg-deb -x "$deb" "$FOLDER/unpacked" || return
    done
    start_installed "$FOLDER/unpacked/usr" || return
    [[ $("$FOLDER/unpacked/usr/bin/viv" run -c '6 * 7') == 42 ]]
}

# Libraries have a folder of the architecture there, and the worker has not.
names_worker() {
    local files=("$FOLDER"/unpacked/usr/lib/*/pkgconfig) worker

    worker=$(PKG_CONFIG_PATH=${files[0]} pkg-config --variable=worker vivarium) &&
        [[ -x $FOLDER/unpacked$worker ]]
}

# The configuration of the package, but for its folders.
configuration() {
    "$FOLDER/unpacked/usr/bin/vivariumd" --check-config \
        --config "$FOLDER/unpacked/etc/vivarium/vivariumd.yaml"
}

unit() {
    install -D /bin/true "$FOLDER/unpacked/bin/kill" || return
    systemd-analyze verify --man=no --recursive-errors=no --root="$FOLDER/unpacked" vivariumd.service
}

installed() {
    mkdir -p "$ROOT/var/lib/dpkg/"{info,updates} "$ROOT/etc" && touch "$ROOT/var/lib/dpkg/status" &&
        admin -i "$DEBS"/*.deb || return
    [[ $(dpkg-query --admindir="$ROOT/var/lib/dpkg" -W -f '${db:Status-Abbrev}\n' | sort -u) == 'ii ' ]] ||
        return
    [[ -x $ROOT/usr/bin/vivariumd ]] && grep -q ^vivarium: "$ROOT/etc/passwd"
}

# A file that somebody has changed stays when the package is removed, goes when it is
# purged; and so do sessions and the audit.
purged() {
    mkdir -p "$ROOT/var/lib/vivarium" "$ROOT/var/log/vivarium" || return
    echo '# mine' >>"$ROOT/etc/vivarium/vivariumd.yaml"
    admin -r libvivarium-dev vivarium && grep -q '# mine' "$ROOT/etc/vivarium/vivariumd.yaml" &&
        [[ ! -e $ROOT/usr/bin/vivariumd && -d $ROOT/var/lib/vivarium ]] || return
    admin -P libvivarium-dev vivarium "$(package_of libvivarium)" "$(package_of libvivarium-client)" ||
        return
    [[ ! -e $ROOT/etc/vivarium && ! -e $ROOT/var/lib/vivarium && ! -e $ROOT/var/log/vivarium ]] &&
        [[ -z $(find "$ROOT" -path "$ROOT/var/lib/dpkg" -prune -o -name '*viv*' -print) ]]
}

package_of() {
    local deb=("$DEBS/$1"[0-9]*_*.deb)

    dpkg-deb -f "${deb[0]}" Package
}

check "packages are made" deploy/debian/debian "$DEBS"
check "there are four" four
check "what the daemon depends on was computed" depends vivarium libgrpc29 libseccomp2 python3.11
check "so was what the client library does" depends "$(package_of libvivarium-client)" libgrpc29
check "packages of libraries are named as the sonames" sonames
check "all belongs to root" belongs_to_root
needs "lintian finds nothing" lintian && check "lintian finds nothing" lint
check "unpacked, it runs" unpacked
check "pkg-config names the worker" names_worker
check "its configuration is right" configuration
needs "systemd takes the unit" systemd-analyze && check "systemd takes the unit" unit
if ((EUID == 0)) || command -v fakeroot >/dev/null; then
    check "it installs, and makes its user" installed
    check "removed and purged, nothing is left" purged
else
    needs "it installs and is purged" fakeroot
fi
end_of_tests
