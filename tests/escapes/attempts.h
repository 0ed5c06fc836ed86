/* The corpus: small programs, "### NAME" before each. */
#ifndef VIVARIUM_TESTS_ATTEMPTS_H
#define VIVARIUM_TESTS_ATTEMPTS_H

#include <stdbool.h>
#include <stdint.h>

struct attempt {
    const char *name;
    const char *code;
    bool known; /* "### NAME: known": nothing stops it, THREATS.md says so */
    bool root;  /* "### NAME: root": only root can set the stage for it */
    /* From the table. */
    bool listed;
    uint64_t layers; /* it succeeds where all of these are off; 0: never */
};

#define ATTEMPTS_MAX 300

extern struct attempt attempts[ATTEMPTS_MAX];
extern unsigned attempt_count;

/* Adds what a file holds. */
void attempts_read(const char *path);

/* The committed table: "NAME: LAYER LAYER", "NAME: -". */
void table_read(const char *path);
void table_write(const char *path);

#endif
