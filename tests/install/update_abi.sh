#!/usr/bin/env bash
# bazel run //tests/install:update_abi: writes down the ABI as it is now.
set -euo pipefail

cd "$BUILD_WORKSPACE_DIRECTORY"
. tests/install/abi.sh

for library in libvivarium libvivarium_client; do
    abi "$library" >"tests/install/$library.abi.new"
    mv "tests/install/$library.abi.new" "tests/install/$library.abi"
    grep -v '^typedef' "tests/install/$library.abi" |
        sed -nE 's/^[^ ].*\b(viv_[a-z0-9_]+)\(.*/\1/p' | sort -u >"bazel/install/$library.symbols"
done
git -c safe.directory='*' diff --stat -- tests/install bazel/install
