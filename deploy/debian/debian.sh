#!/usr/bin/env bash
# Makes Debian packages of the installed tree. Starts in Bazel's tree of what it needs.
set -euo pipefail

if (($# != 1)) || [[ $1 == -* ]]; then
    echo "usage: bazel run //:debian -- FOLDER   where the packages go" >&2
    echo "\$DEBFULLNAME and \$DEBEMAIL say who makes them" >&2
    exit 2
fi

out=$1
[[ $out == /* ]] || out=${BUILD_WORKING_DIRECTORY:-$PWD}/$out
mkdir -p "$out"
from=$PWD/deploy/debian
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

# The version of a header, and of the soname that follows it.
number() {
    sed -n "s/^#define $1 \"\?\([^\"]*\)\"\?/\1/p" "$2"
}

DESTDIR=$work/tree bazel/install/install --strip /usr >/dev/null
version=$(number VIV_VERSION supervisor/vivarium.h)
supervisor=libvivarium$(number VIV_ABI_VERSION supervisor/vivarium.h)
client=libvivarium-client$(number VIV_CLIENT_VERSION client/vivarium_client.h)

maintainer="${DEBFULLNAME:-The Vivarium project} <${DEBEMAIL:-vivarium@localhost}>"
libraries=usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)

# take PACKAGE PATH...: moves what is there out of the tree into the package.
take() {
    local package=$1 path

    shift
    for path in "$@"; do
        mkdir -p "$work/$package/${path%/*}"
        mv "$work/tree/$path" "$work/$package/${path%/*}/"
    done
}

# put PACKAGE FILE PATH
put() {
    install -D -m 644 "$from/$2" "$work/$1/$3"
}

cd "$work/tree"
shopt -s nullglob
mkdir "$libraries"
mv usr/lib/*.so* usr/lib/*.a usr/lib/pkgconfig "$libraries"
sed -i "s|^libdir=.*|libdir=\${prefix}/${libraries#usr/}|" "$libraries"/pkgconfig/*.pc
strip --strip-debug -R .comment --enable-deterministic-archives "$libraries"/*.a
find . -type f ! -name '*.a' -exec sh -c 'head -c 4 "$1" | grep -q ELF && strip -R .comment "$1"' - {} \;
take "$supervisor" "$libraries"/libvivarium.so.*
take "$client" "$libraries"/libvivarium_client.so.*
take libvivarium-dev usr/include "$libraries"/*.so "$libraries"/*.a "$libraries"/pkgconfig usr/share/vivarium
rmdir "$libraries"
take vivarium usr/*
cd "$work"
gzip -9n vivarium/usr/share/man/man*/* </dev/null
put vivarium vivariumd.yaml etc/vivarium/vivariumd.yaml
put vivarium sysusers.conf usr/lib/sysusers.d/vivarium.conf
put vivarium dropin.conf usr/lib/systemd/system/vivariumd.service.d/config.conf
put vivarium vivarium.lintian-overrides usr/share/lintian/overrides/vivarium

mkdir debian
sed -e "s/@SUPERVISOR@/${supervisor#libvivarium}/" -e "s/@CLIENT@/${client#libvivarium-client}/" \
    -e "s/@MAINTAINER@/$maintainer/" "$from/control" >debian/control
cat >debian/changelog <<END
vivarium ($version) unstable; urgency=medium

  * See the project's history.

 -- $maintainer  $(date -R -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}")
END

# The symbols that the worker's library gets from the interpreter are in no package
# that it names: such warnings say nothing.
depends_of() {
    local binaries

    mapfile -t binaries < <(find "$1" -type f -exec sh -c \
        'head -c 4 "$1" | grep -q ELF && case $1 in *.a) ;; *) echo "$1" ;; esac' - {} \;)
    : >substvars
    ((${#binaries[@]} == 0)) ||
        dpkg-shlibdeps --warnings=0 -Tsubstvars "${binaries[@]/#/-e}"
}

# What packages that use the library depend on, by symbol; and ld.so's cache is to be
# renewed.
library() {
    local soname

    soname=$(cd "$1/$libraries" && echo lib*.so.*)
    echo "${soname%.so.*} ${soname##*.} $1 (>= $version)" >"$1/DEBIAN/shlibs"
    dpkg-gensymbols -p"$1" -P"$1" -v"$version" -e"$1/$libraries/$soname" -O"$1/DEBIAN/symbols" -q
    echo activate-noawait ldconfig >"$1/DEBIAN/triggers"
}

pack() {
    local package=$1 script

    mkdir -p "$package/DEBIAN"
    put "$package" copyright "usr/share/doc/$package/copyright"
    gzip -9n <debian/changelog >"$package/usr/share/doc/$package/changelog.gz"
    depends_of "$package"
    dpkg-gencontrol -p"$package" -P"$package" -Tsubstvars -fdebian/files
    (cd "$package" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z |
        xargs -0 md5sum >DEBIAN/md5sums)
    for script in postinst prerm postrm; do
        [[ ! -e $from/$package.$script ]] ||
            install -m 755 "$from/$package.$script" "$package/DEBIAN/$script"
    done
    [[ ! -d $package/etc ]] || (cd "$package" && find etc -type f -printf '/%p\n') \
        >"$package/DEBIAN/conffiles"
    [[ $package != libvivarium*[0-9] ]] || library "$package"
    dpkg-deb --root-owner-group --build "$package" "$out"
}

for package in vivarium "$supervisor" "$client" libvivarium-dev; do
    pack "$package"
done
