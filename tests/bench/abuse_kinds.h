/* The kinds of abuse; each goes on until SIGTERM. */
#ifndef VIVARIUM_TESTS_BENCH_ABUSE_KINDS_H
#define VIVARIUM_TESTS_BENCH_ABUSE_KINDS_H

struct abuse_kind {
    const char *name;
    void (*run)(const char *socket);
};

/* Ends with one without a name. */
extern const struct abuse_kind abuse_kinds[];

/* Abuses the daemon at this unix socket, then prints what it came to. */
int abuse_run(const char *kind, const char *socket);

#endif
