# shellcheck shell=bash
# Runs each fuzzer for a while from its seeds.

# fuzz_one PROGRAM SECONDS [SEEDS]: a crash leaves its input where the message says.
fuzz_one() {
    local program=$1 seconds=$2 name work seeds
    name=$(basename "$program")
    seeds=${3:-tests/fuzz/seeds/${name%_fuzz}}
    work=$SCRATCH/fuzz/$name

    mkdir -p "$work/corpus" fuzz-findings
    check "$name, $seconds s" "$program" -max_total_time="$seconds" -timeout=10 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="fuzz-findings/$name-" \
        "$work/corpus" "$seeds"
    rmdir fuzz-findings 2>/dev/null || true
}

# fuzz SECONDS
fuzz() {
    local log=$SCRATCH/bazel.log program bin

    say "fuzz"
    if ! run_bazel build --noshow_progress //tests/fuzz:fuzzers //tests/scope:restore_fuzz \
        //tests/scope:script //tests/scope:jail_fuzz //worker:vivarium-worker >"$log" 2>&1 </dev/null; then
        fail "the build of the fuzzers" "$log"
        return
    fi
    for program in "$(bazel_path bazel-bin)"/tests/fuzz/*_fuzz; do
        fuzz_one "$program" "$1"
    done
    # What scopes are restored from: its seeds are snapshots, taken here.
    bin=$(bazel_path bazel-bin)/tests/scope
    mkdir -p "$SCRATCH/snapshots"
    "$bin/script" tests/scope/seeds.py "$SCRATCH/snapshots" >"$log" 2>&1 </dev/null ||
        fail "snapshots for restore_fuzz" "$log"
    fuzz_one "$bin/restore_fuzz" "$1" "$SCRATCH/snapshots"
    # The same where they are restored in earnest, forged code and all.
    check "jail_fuzz, $1 s" "$bin/jail_fuzz" "$(bazel_path bazel-bin)/worker/vivarium-worker" \
        "$SCRATCH/snapshots" "$1"
}
