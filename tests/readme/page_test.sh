#!/usr/bin/env bash
# page_test.sh PAGE: what the page says is typed, beside an installed Vivarium.
set -uo pipefail

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
/usr/bin/python3.11 tests/readme/pages.py "$1"
