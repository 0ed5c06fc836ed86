# shellcheck shell=bash
# ./run bench: what an execution costs beside the two things that it can't cost
# less than: an empty RPC, and a worker's bare life. Rounds are interleaved, so
# that a neighbour's noise meets all rows alike; each figure is the median of
# its rounds, and ratios are formed within a round. Sourced by ./run.

ROUNDS=5
ROUND_SECONDS=2
CLONES=400
CANCELS=200
HOOK_ROUNDS=15
SCOPE_ROUNDS=9

# Each prints "p50 p99 per_second" of one round.
measure_echo() {
    "$BENCH/grpc_echo" "$1" "$ROUND_SECONDS" | awk '{ print $3, $4, $2 }'
}

measure_execute() {
    "$BENCH/execute_bench" "$VIVARIUM_TARGET" "$1" "$ROUND_SECONDS" | awk '{ print $3, $4, $2 }'
}

measure_clones() {
    "$BENCH/clone_loop" "$WORKER" "$CLONES" |
        awk '/^\| whole/ { p50 = $4; p99 = $6 } END { print p50, p99, $1 }'
}

# record ROW COMMAND...: one round of a row.
record() {
    local figures

    figures=$("${@:2}")
    [[ $figures =~ ^[0-9.]+\ [0-9.]+\ [0-9.]+$ ]] || die "$2 gave no figures: $figures"
    echo "$1 $figures" >>"$FOLDER/figures"
}

one_round() {
    record echo measure_echo 1
    record clones measure_clones
    record execute measure_execute 1
    record echo16 measure_echo 16
    record execute16 measure_execute 16
}

bench() {
    local round

    BENCH=$(bazel_path bazel-bin)/tests/bench
    WORKER=$(bazel_path bazel-bin)/worker/vivarium-worker
    start_daemon --log-level warn
    for ((round = 1; round <= ROUNDS; round++)); do
        say "round $round of $ROUNDS"
        one_round
    done
    say "cancelling: from when the supervisor has the request; the answer as its client sees it"
    "$BENCH/cancel_bench" "$VIVARIUM_TARGET" "$CANCELS" >"$FOLDER/cancel" || die "cancel_bench failed"
    say "pure Python in a worker beside python3.11"
    "$BENCH/hook_bench" "$VIVARIUM_TARGET" "$HOOK_ROUNDS" tests/bench/programs/*.py \
        >"$FOLDER/hook" || die "hook_bench failed"
    say "what people start for each piece of code, beside it"
    /usr/bin/python3.11 tests/bench/peers.py "$VIVARIUM_TARGET" "$BENCH/execute_bench" "$ROUNDS" \
        >"$FOLDER/peers" || die "peers.py failed"
    say "the jail, and what each of its layers costs"
    "$BENCH/jail_bench" "$WORKER" >"$FOLDER/jail" || die "jail_bench failed"
    say "isolation: fork beside exec"
    "$BENCH/isolation_bench" "$WORKER" >"$FOLDER/isolation" || die "isolation_bench failed"
    say "what a profile costs"
    "$BENCH/profile_bench" "$VIVARIUM_TARGET" "$HOOK_ROUNDS" tests/bench/programs/*.py \
        >"$FOLDER/profile" || die "profile_bench failed"
    say "tenants: what one's flood costs another, and what the fair queue costs"
    { "$BENCH/flood_bench" "$WORKER" && printf '\n' && "$BENCH/fair_bench"; } \
        >"$FOLDER/tenants" || die "flood_bench failed"
    say "abuse: the daemon's memory and another tenant's latency"
    VIVARIUMD=$(bazel_path bazel-bin)/supervisor/service/vivariumd VIVARIUM_WORKER=$WORKER \
        "$BENCH/abuse_bench" 2 >"$FOLDER/abuse" || die "abuse_bench failed"
    end_daemon || die "vivariumd ended with status $?"
    say "scopes beside pickle, cloudpickle and dill"
    "$(bazel_path bazel-bin)/tests/scope/scope_bench" "$SCOPE_ROUNDS" >"$FOLDER/scope" ||
        die "scope_bench failed"
    echo
    awk -v cores="$(nproc)" -f tests/bench/table.awk "$FOLDER/figures"
    printf '\n'
    cat "$FOLDER/peers"
    printf '\n'
    cat "$FOLDER/cancel"
    printf '\n'
    cat "$FOLDER/hook"
    printf '\n'
    cat "$FOLDER/profile"
    printf '\n'
    cat "$FOLDER/tenants"
    printf '\n'
    cat "$FOLDER/abuse"
    printf '\n'
    cat "$FOLDER/jail"
    printf '\n'
    cat "$FOLDER/isolation"
    printf '\n'
    cat "$FOLDER/scope"
}
