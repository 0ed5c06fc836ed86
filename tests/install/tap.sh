# shellcheck shell=bash
# TAP lines for the scripts in here; and a folder that goes with the script. Sourced.

FOLDER=$(mktemp -d)
COUNT=0
FAILURES=0
PIDS=()

# shellcheck disable=SC2317
clean_up() {
    local pid

    for pid in "${PIDS[@]}"; do
        kill "$pid" 2>/dev/null
    done
    wait
    rm -rf "$FOLDER"
}
trap clean_up EXIT

# check NAME COMMAND...
check() {
    local name=$1

    shift
    COUNT=$((COUNT + 1))
    if "$@" >"$FOLDER/out" 2>&1 </dev/null; then
        echo "ok $COUNT - $name"
    else
        echo "not ok $COUNT - $name"
        sed 's/^/# /' "$FOLDER/out"
        FAILURES=$((FAILURES + 1))
    fi
}

# needs NAME PROGRAM: false where it is missing, which skips the case.
needs() {
    command -v "$2" >/dev/null && return
    COUNT=$((COUNT + 1))
    echo "ok $COUNT - $1 # SKIP no $2"
    return 1
}

end_of_tests() {
    echo "1..$COUNT"
    exit $((FAILURES > 0))
}

# start_installed PREFIX: its vivariumd, with whatever this machine lacks, on
# $VIVARIUM_TARGET; returns when it listens.
start_installed() {
    local allowances

    mapfile -t allowances < <("$1/bin/viv" doctor --json |
        grep -oE -e '--allow-absent [a-z_]+' | tr ' ' '\n')
    export VIVARIUM_TARGET=unix:$FOLDER/vivarium.sock
    mkfifo "$FOLDER/ready"
    "$1/bin/vivariumd" --listen "$VIVARIUM_TARGET" --ready-fd 3 "${allowances[@]}" \
        3>"$FOLDER/ready" 2>"$FOLDER/log" </dev/null &
    PIDS+=($!)
    read -r -t 60 <"$FOLDER/ready" || { cat "$FOLDER/log"; return 1; }
}
