# shellcheck shell=bash
# Runs Bazel's tests and counts the cases in them.

# Bazel's closing lines, "//pkg:name   (cached) PASSED in 0.1s", as "label result".
results_of() {
    sed -nE 's/^(\/\/[^ ]+) +(\(cached\) )?(PASSED|FAILED TO BUILD|FAILED|TIMEOUT|FLAKY|NO STATUS).*/\1 \3/p' "$1"
}

# count_program LABEL RESULT FOLDER_OF_LOGS: a program that failed has a failed
# case even where its output says otherwise: it may have leaked, or died.
count_program() {
    local label=$1 result=$2 log passed=0 failed=0 skipped=0

    log=$3/${label#//}
    log=${log/://}/test.log
    [[ $result == 'FAILED TO BUILD' || $result == 'NO STATUS' || ! -r $log ]] ||
        read -r passed failed skipped < <(awk -f tests/steps/count_tap.awk "$log")
    if [[ $result == PASSED ]]; then
        # A program that isn't cmocka's counts as one case.
        ((passed + failed + skipped)) || passed=1
    else
        ((failed)) || failed=1
    fi
    tally "$passed" "$failed" "$skipped"
    ((skipped == 0)) || printf '  %sSKIPPED%s %d of %s\n' "$BOLD" "$PLAIN" "$skipped" "$label"
    if [[ $result == 'FAILED TO BUILD' || $result == 'NO STATUS' ]]; then
        failed "$label ($result)"
    elif ((failed)); then
        failed "$label" "$log"
    else
        printf '  %sok%s      %s (%d)\n' "$GREEN" "$PLAIN" "$label" "$passed"
    fi
}

# run_programs TITLE [FLAG...] -- TARGETS: bazel test, its results counted.
run_programs() {
    local title=$1 flags=() log=$SCRATCH/bazel.log logs results label result status=0

    shift
    while [[ $1 != -- ]]; do
        flags+=("$1")
        shift
    done
    say "$title"
    run_bazel test "${flags[@]}" --keep_going --build_tests_only --color=no --curses=no \
        --noshow_progress --test_output=summary --test_summary=short "$@" >"$log" 2>&1 \
        </dev/null || status=$?
    mapfile -t results < <(results_of "$log")
    # 3: some tests failed, which their own lines say; 4: there are none.
    if ((status != 0 && status != 3)) || ((${#results[@]} == 0)); then
        fail "$title: bazel test ended with status $status" "$log"
    fi
    logs=$(bazel_path bazel-testlogs "${flags[@]}")
    for result in "${results[@]}"; do
        label=${result%% *}
        count_program "$label" "${result#* }" "$logs"
    done
}
