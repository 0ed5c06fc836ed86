/* A vivariumd in a temporary folder, as a process of its own. */
#ifndef VIVARIUM_TESTS_SERVICE_DAEMON_PROCESS_H
#define VIVARIUM_TESTS_SERVICE_DAEMON_PROCESS_H

#include <sys/types.h>

struct daemon_process {
    pid_t pid;
    char folder[64];
    char socket[96]; /* path */
    char target[128];
    char log[96]; /* path of what it wrote to stderr */
};

/* Starts $VIVARIUMD with the socket and `flags` (NULL-terminated, may be
 * NULL), and waits until it listens. Aborts where it doesn't. */
void daemon_process_start(struct daemon_process *ret_daemon, const char *const *flags);

/* The same; `options` stand behind the socket's name (",auth=uid"). */
void daemon_process_start_as(struct daemon_process *ret_daemon, const char *options,
                             const char *const *flags);

/* The port of the listener that was given as `address`. */
int daemon_process_port(const struct daemon_process *daemon, const char *address);

/* Waits until the log has this text `count` times; aborts after 20 s. */
void daemon_process_expect_log(const struct daemon_process *daemon, const char *text, int count);

/* Starts one that is expected to fail: its exit status. */
int daemon_process_fail(const char *const *flags, char *ret_log, int log_size);

/* What it wrote to stderr so far; the caller frees it. */
char *daemon_process_log(const struct daemon_process *daemon);

/* Its resident memory. */
long daemon_process_resident_kib(const struct daemon_process *daemon);

/* Waits for its end, 30 s at most, removes the folder, and returns the exit
 * status, or 128 + the signal. */
int daemon_process_wait(struct daemon_process *daemon);

/* SIGTERM and daemon_process_wait(). */
int daemon_process_stop(struct daemon_process *daemon);

#endif
