# shellcheck shell=bash
# The tests again, instrumented.

sanitizers() {
    local worker

    run_programs "AddressSanitizer and UndefinedBehaviorSanitizer" --config=asan-ubsan -- //...

    # The supervisor is what has threads. An instrumented CPython would only
    # report on itself, so the workers are those of the ordinary build.
    run_bazel build --noshow_progress //worker:vivarium-worker >"$SCRATCH/bazel.log" 2>&1 \
        </dev/null || fail "the build of the worker" "$SCRATCH/bazel.log"
    worker=$(bazel_path bazel-bin)/worker/vivarium-worker
    run_programs "ThreadSanitizer" --config=tsan --test_env=VIVARIUM_WORKER="$worker" -- \
        //tests/unit/...
}
