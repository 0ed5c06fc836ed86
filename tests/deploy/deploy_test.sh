#!/usr/bin/env bash
# The files of deploy/: well-formed, and about this daemon.
# Functions are called by check().
# shellcheck disable=SC2317
set -uo pipefail

unit=deploy/systemd/vivariumd.service
alerts=deploy/monitoring/alerts.yml
dashboard=deploy/monitoring/dashboard.json
folder=$(mktemp -d)
daemon=
count=0

cleanup() {
    [[ -z $daemon ]] || kill "$daemon" 2>/dev/null
    wait
    rm -rf "$folder"
}
trap cleanup EXIT

# check NAME COMMAND...: one TAP line.
failures=0
check() {
    local name=$1

    shift
    count=$((count + 1))
    if "$@" >"$folder/out" 2>&1; then
        echo "ok $count - $name"
    else
        echo "not ok $count - $name"
        sed 's/^/# /' "$folder/out"
        failures=$((failures + 1))
    fi
}

# needs NAME PROGRAM: false where it is missing, which skips the case.
needs() {
    command -v "$2" >/dev/null && return
    count=$((count + 1))
    echo "ok $count - $1 # SKIP no $2"
    return 1
}

# What stands behind ExecStart=, in one line.
exec_start() {
    sed -n '/^ExecStart=/,/[^\\]$/p' "$unit" | tr -d '\\\n' | sed 's/^ExecStart=//'
}

# The binary is not where a package puts it, nor is its man page: /bin/true
# stands for it.
verify_unit() {
    sed -e 's|/usr/bin/vivariumd|/bin/true|' -e '/^Documentation=man:/d' "$unit" >"$folder/vivariumd.service"
    systemd-analyze verify "$folder/vivariumd.service" 2>&1 | tee "$folder/words"
    ! grep -q vivariumd.service "$folder/words"
}

unit_flags() {
    local words

    read -ra words < <(exec_start)
    [[ ${words[0]} == /usr/bin/vivariumd ]] && ((${#words[@]} > 1)) &&
        "$VIVARIUMD" "${words[@]:1}" --help
}

start_daemon() {
    "$CERTS" "$folder" || return
    "$VIVARIUMD" --listen "unix:$folder/v.sock" --metrics "unix:$folder/m.sock" \
        --tls-cert "$folder/server.pem" --tls-key "$folder/server.key" 2>"$folder/log" &
    daemon=$!
    for _ in {1..500}; do
        grep -q '"event":"ready"' "$folder/log" && return
        sleep 0.02
    done
    cat "$folder/log"
    return 1
}

# The metrics that there are, one a line.
families() {
    curl -sf --unix-socket "$folder/m.sock" http://x/metrics | sed -n 's/^# TYPE \([^ ]*\) .*/\1/p'
}

# The metrics that a file names, without what a histogram adds.
named() {
    grep -oE '\b(vivarium|grpc_server|process)_[a-z_]+[a-z]' "$1" |
        sed -E 's/_(bucket|sum|count)$//' | sort -u
}

names_exist() {
    families | sort -u >"$folder/families" && [[ -s $folder/families ]] || return
    named "$1" >"$folder/named" && [[ -s $folder/named ]] || return
    ! comm -23 "$folder/named" "$folder/families" | grep .
}

if needs "the unit is well-formed" systemd-analyze; then
    check "the unit is well-formed" verify_unit
fi
check "the unit's flags are vivariumd's" unit_flags
if needs "the alert rules are well-formed" promtool; then
    check "the alert rules are well-formed" promtool check rules "$alerts"
    check "the scrape job is well-formed" promtool check config deploy/monitoring/prometheus.yml
fi
check "the dashboard is JSON" python3 -m json.tool "$dashboard"
check "a daemon for the rest" start_daemon
check "the alerts' metrics exist" names_exist "$alerts"
check "the dashboard's metrics exist" names_exist "$dashboard"
echo "1..$count"
exit "$((failures > 0))"
