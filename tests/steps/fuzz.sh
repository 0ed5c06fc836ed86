# shellcheck shell=bash
# Runs each fuzzer for a while from its seeds.

# fuzz_one PROGRAM SECONDS: a crash leaves its input where the message says.
fuzz_one() {
    local program=$1 seconds=$2 name work
    name=$(basename "$program")
    work=$SCRATCH/fuzz/$name

    mkdir -p "$work/corpus" fuzz-findings
    check "$name, $seconds s" "$program" -max_total_time="$seconds" -timeout=10 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="fuzz-findings/$name-" \
        "$work/corpus" "tests/fuzz/seeds/${name%_fuzz}"
    rmdir fuzz-findings 2>/dev/null || true
}

# fuzz SECONDS
fuzz() {
    local log=$SCRATCH/bazel.log program

    say "fuzz"
    if ! run_bazel build --noshow_progress //tests/fuzz:fuzzers >"$log" 2>&1 \
        </dev/null; then
        fail "the build of the fuzzers" "$log"
        return
    fi
    for program in "$(bazel_path bazel-bin)"/tests/fuzz/*_fuzz; do
        fuzz_one "$program" "$1"
    done
}
