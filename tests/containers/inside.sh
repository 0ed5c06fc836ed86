#!/usr/bin/env bash
# What runs in the container, in the folder of the programs: the doctor says what
# is missing, then each program named runs with the allowances it asks for.
set -uo pipefail

# Status 1: something is missing.
client/viv/viv doctor
client/viv/viv doctor --json >/tmp/doctor
flags=$(python3 -c 'import json; print(*json.load(open("/tmp/doctor"))["flags"])') || exit 1
export CMOCKA_MESSAGE_OUTPUT=TAP VIV_TEST_ROOT=. VIV_TEST_FLAGS=$flags RIG_ARGS=$flags
status=0
for program; do
    echo "# $program"
    timeout 300 "./$program" worker/vivarium-worker 2>&1 || status=1
done
# With the container goes what a worker left; here it is seen.
left=$(pgrep -c '^vivarium')
if ((left)); then
    echo "not ok 1 - no process is left: there are $left"
    status=1
else
    echo "ok 1 - no process is left"
fi
echo 1..1
exit "$status"
