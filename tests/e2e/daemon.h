/* A real vivariumd with real workers, for one test program. */
#ifndef VIVARIUM_TESTS_E2E_DAEMON_H
#define VIVARIUM_TESTS_E2E_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

struct daemon {
    pid_t pid; /* 0: not running */
    char folder[64];
    char target[128];
};

/* Starts one on a socket in a folder of its own and waits until it listens.
 * `flags` are further words, NULL-terminated; may be NULL. False, with a text on
 * stderr, where it doesn't come up. */
bool daemon_start(struct daemon *daemon, const char *const *flags);

/* SIGTERM. */
void daemon_terminate(struct daemon *daemon);

/* Waits for its end. True where it exited with status 0 and left neither a
 * process nor its socket. */
bool daemon_wait(struct daemon *daemon);

/* Descriptors that it has open. */
int daemon_count_fds(const struct daemon *daemon);

/* The path of a program of this build, "client/viv/viv". Static. */
const char *daemon_program(const char *label_path);

#endif
