#!/usr/bin/env bash
# bazel run //docs:update_reference: writes docs/api/ anew.
set -euo pipefail

cd "$BUILD_WORKSPACE_DIRECTORY"
exec /usr/bin/python3.11 docs/reference.py docs/api
