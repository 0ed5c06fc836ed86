# shellcheck shell=bash
# The tests again, instrumented.

# The supervisor is what has threads of our own making. gRPC isn't instrumented,
# so what links it would report on gRPC.
threaded_tests() {
    run_bazel query --noshow_progress \
        'tests(rdeps(//tests/..., //supervisor:vivarium) + //tests/unit/...)
         except rdeps(//tests/..., @system//:grpc + @system//:python)' 2>/dev/null </dev/null
}

sanitizers() {
    local threaded

    run_programs "AddressSanitizer and UndefinedBehaviorSanitizer" --config=asan-ubsan \
        --test_env=LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0" -- //...

    mapfile -t threaded < <(threaded_tests)
    run_programs "ThreadSanitizer" --config=tsan -- "${threaded[@]}"
}
