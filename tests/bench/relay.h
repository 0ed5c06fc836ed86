/* Processes behind a server: each answers a message with a message. They are heard
 * in the loop in which gRPC polls, as vivariumd hears its workers
 * (supervisor/service/shared_loop.h). One thread. */
#ifndef VIVARIUM_TESTS_BENCH_RELAY_H
#define VIVARIUM_TESTS_BENCH_RELAY_H

#include <stddef.h>

#define RELAY_PROCESSES_MAX 256
#define RELAY_MESSAGE_MAX 512

/* An answer; `data` lives until it returns. */
typedef void relay_answered(void *arg, const void *data, size_t len);

/* Starts `count` processes of `argv`, before gRPC is begun; a message is one of the
 * SOCK_SEQPACKET socket that is their standard input. They end with this process. */
void relay_start(char *const argv[], unsigned count, relay_answered *answered);

/* Gives it to a process that has nothing to do; there must be one. */
void relay_send(void *arg, const void *data, size_t len);

#endif
