/* A gRPC server that answers each request with its own bytes: what a call
 * costs before anything is done. Its connections are those of vivariumd. */
#ifndef VIVARIUM_TESTS_BENCH_ECHO_SERVER_H
#define VIVARIUM_TESTS_BENCH_ECHO_SERVER_H

#define ECHO_METHOD "/echo.Echo/Echo"

/* Serves on `target`, writes a byte to `ready_fd` once it listens, and never
 * returns. `through`: the words of a program of which `processes` answer instead
 * (relay.h), or NULL. */
_Noreturn void echo_server_run(const char *target, char *const through[], unsigned processes,
                               int ready_fd);

#endif
