# shellcheck shell=bash
# The Node suites against a real daemon.

# count_node LOG: "PASSED FAILED SKIPPED" from the closing lines of node's runner.
count_node() {
    awk '/^# pass /{p=$3} /^# (fail|cancelled) /{f+=$3} /^# (skipped|todo) /{s+=$3}
        END { print p + 0, f + 0, s + 0 }' "$1"
}

interop_suite() {
    local suite=$1 log=$SCRATCH/interop.log status=0 passed failed skipped

    VIVARIUMD=$VIVARIUMD timeout 300 node --test --test-reporter=tap "$suite" >"$log" 2>&1 \
        </dev/null || status=$?
    read -r passed failed skipped < <(count_node "$log")
    ((status == 0 || failed)) || failed=1
    ((passed + failed + skipped)) || failed=1
    tally "$passed" "$failed" "$skipped"
    if ((failed)); then
        # Cases stand indented under their suites.
        sed -i -E 's/^ *not ok/not ok/' "$log"
        failed "$suite" "$log"
    else
        printf '  %sok%s      %s (%d)\n' "$GREEN" "$PLAIN" "$suite" "$passed"
    fi
}

interop() {
    local suite log=$SCRATCH/bazel.log VIVARIUMD

    say "interop: gRPC from JavaScript, reflection by buf"
    if ! run_bazel build --noshow_progress //supervisor/service:vivariumd \
        //worker:vivarium-worker //tests/readme:example >"$log" 2>&1 </dev/null; then
        fail "the build of what interop needs" "$log"
        return
    fi
    VIVARIUMD=$(bazel_path bazel-bin)/supervisor/service/vivariumd
    for suite in tests/interop/*.test.mjs; do
        interop_suite "$suite"
    done
}
