# shellcheck shell=bash
# The tests again, instrumented.

# The supervisor, the service and the client are what has threads of our own making.
# gRPC isn't instrumented: tests/service/tsan.c says what is left out for it, and what
# hands things over by its queues alone has the tag no-tsan. So has what starts real
# workers, for the interpreter isn't instrumented either.
threaded_tests() {
    run_bazel query --noshow_progress \
        'tests(rdeps(//tests/..., //supervisor:vivarium) + //tests/unit/... + //tests/service/...
         + //tests/client/...) except rdeps(//tests/..., @system//:python)' 2>/dev/null </dev/null
}

sanitizers() {
    local threaded

    run_programs "AddressSanitizer and UndefinedBehaviorSanitizer" --config=asan-ubsan \
        --test_env=LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0" -- //...

    mapfile -t threaded < <(threaded_tests)
    run_programs "ThreadSanitizer" --config=tsan -- "${threaded[@]}"
}
