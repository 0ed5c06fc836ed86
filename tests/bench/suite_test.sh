#!/usr/bin/env bash
# What of the bench is pure: medians, ratios, tables, the check.
export PYTHONPATH=tests/bench PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3.11 tests/bench/suite_test.py
