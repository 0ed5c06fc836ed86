# shellcheck shell=bash
# Adds up what the steps of ./test counted.

PASSED=0 FAILED=0 SKIPPED=0
FAILURES=()

# tally PASSED FAILED SKIPPED
tally() {
    PASSED=$((PASSED + $1)) FAILED=$((FAILED + $2)) SKIPPED=$((SKIPPED + $3))
}

pass() {
    tally 1 0 0
    printf '  %sok%s      %s\n' "$GREEN" "$PLAIN" "$1"
}

# fail NAME LOG: with the end of its log.
fail() {
    tally 0 1 0
    failed "$@"
}

# The same for something whose tests are counted already.
failed() {
    FAILURES+=("$1")
    printf '  %sFAILED%s  %s\n' "$RED" "$PLAIN" "$1"
    [[ -z ${2:-} ]] || what_matters "$2" | cut -c1-300 | sed 's/^/    | /'
}

# The part of a log that says what went wrong: a sanitizer's report from its
# beginning, the cases that failed, or else its end.
what_matters() {
    grep -aE -A14 '^not ok [0-9]+ - ' "$1" | head -n 60
    if grep -aqE '(ERROR|WARNING): [A-Za-z]+Sanitizer|runtime error: ' "$1"; then
        sed -nE '/(ERROR|WARNING): [A-Za-z]+Sanitizer|runtime error: /,$p' "$1" | head -n 40
    elif ! grep -aqE '^not ok [0-9]+ - ' "$1"; then
        tail -n 40 "$1"
    fi
}

# check NAME COMMAND...: a command as one test.
check() {
    local log=$SCRATCH/check.log

    if "${@:2}" >"$log" 2>&1 </dev/null; then
        pass "$1"
    else
        fail "$1" "$log"
    fi
}

# The closing line; false where anything failed or nothing ran.
summary() {
    local failure skipped=''

    for failure in "${FAILURES[@]}"; do
        printf '%sfailed:%s %s\n' "$RED" "$PLAIN" "$failure"
    done
    ((SKIPPED == 0)) || skipped=", $SKIPPED skipped"
    echo "$PASSED passed, $FAILED failed$skipped"
    ((FAILED == 0 && PASSED > 0))
}
