#!/usr/bin/env bash
# page_test.sh PAGE: what the page says is typed, beside an installed Vivarium.
set -uo pipefail

# Pages name ports: each gets a network of its own where that can be had.
if [[ -z ${IN_NETWORK:-} && $EUID -eq 0 ]] && unshare --net true 2>/dev/null; then
    export IN_NETWORK=1
    exec unshare --net "$0" "$@"
fi
[[ -z ${IN_NETWORK:-} ]] || ip link set dev lo up

export INSTALL_ROOT=$PWD
FOLDER=$(mktemp -d)
trap 'rm -rf "$FOLDER"' EXIT
bazel/install/install --strip "$FOLDER/prefix" >/dev/null || exit

# What this machine lacks is no matter of the page's, unless it is about that.
VIVARIUM_ALLOW_ABSENT=$("$FOLDER/prefix/bin/viv" doctor --json |
    sed -nE 's/.*--allow-absent ([a-z_]+).*/\1/p' | xargs)
[[ -n $VIVARIUM_ALLOW_ABSENT ]] && export VIVARIUM_ALLOW_ABSENT
unset VIVARIUM_TARGET
export PATH=$PWD/tests/readme/tools:$FOLDER/prefix/bin:$PATH
export PKG_CONFIG_PATH=$FOLDER/prefix/lib/pkgconfig LD_LIBRARY_PATH=$FOLDER/prefix/lib
# What a checkout has, for pages that are read in one.
CHECKOUT=$FOLDER/checkout
mkdir "$CHECKOUT"
[[ ! -d deploy ]] || cp -RL deploy "$CHECKOUT"
export CHECKOUT
# ./test deploy does this one in earnest; it takes a Debian mirror.
[[ ! -x $CHECKOUT/deploy/image/build ]] || cp tests/readme/tools/image-build "$CHECKOUT/deploy/image/build"
/usr/bin/python3.11 tests/readme/pages.py "$1"
