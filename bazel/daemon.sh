# shellcheck shell=bash
# A vivariumd in a temporary folder, for as long as a script runs. Sourced.
# shellcheck disable=SC2034

DAEMON=
FOLDER=
ALLOWANCES=()

locate_programs() {
    local bin

    bin=$(bazel_path bazel-bin) || exit 1
    VIVARIUMD=$bin/supervisor/service/vivariumd
    VIV_BIN=$bin/client/viv/viv
    export VIVARIUM_TARGET
}

# Sets ALLOWANCES: what this machine lacks must be allowed to be absent, and who
# looks on is told.
find_allowances() {
    mapfile -t ALLOWANCES < <("$VIV_BIN" doctor --json | grep -oE -e '--allow-absent [a-z_]+' | tr ' ' '\n')
    ((${#ALLOWANCES[@]} == 0)) ||
        say "this machine lacks layers of isolation; vivariumd gets ${ALLOWANCES[*]} (viv doctor says why)"
}

# start_daemon [FLAG...]: returns when it listens. Its log is $FOLDER/log.
start_daemon() {
    FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/vivarium.XXXXXX") || exit 1
    trap 'end_daemon; rm -rf "$FOLDER"' EXIT
    trap 'exit 130' INT TERM
    VIVARIUM_TARGET=unix:$FOLDER/vivarium.sock
    mkfifo "$FOLDER/ready"
    find_allowances
    "$VIVARIUMD" --listen "$VIVARIUM_TARGET" --ready-fd 3 "${ALLOWANCES[@]}" "$@" \
        3>"$FOLDER/ready" 2>"$FOLDER/log" </dev/null &
    DAEMON=$!
    # End of file without a line: it has ended.
    if ! read -r -t 60 <"$FOLDER/ready"; then
        cat "$FOLDER/log" >&2
        die "vivariumd did not start"
    fi
}

# The status that the daemon drains with; nothing where there is none.
end_daemon() {
    local status=0

    [[ -n $DAEMON ]] || return 0
    kill -TERM "$DAEMON" 2>/dev/null
    wait "$DAEMON" || status=$?
    DAEMON=
    return "$status"
}
