#!/usr/bin/env bash
# The bench of suite/, with Debian's Python. Bazel starts it where its programs are.
export PYDEVD_DISABLE_FILE_VALIDATION=1 # Jupyter's kernel is quiet then
export PYTHONPATH=tests/bench PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8
exec /usr/bin/python3.11 -m suite "$@"
