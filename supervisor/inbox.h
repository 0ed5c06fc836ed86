/* What other threads ask of the reactor: a list of commands behind a mutex,
 * and an eventfd that is written when the list stops being empty. */
#ifndef VIVARIUM_INBOX_H
#define VIVARIUM_INBOX_H

#include <pthread.h>
#include <stdbool.h>

#include "proto/error.h"

struct viv_supervisor;

/* Lives inside what it is about; run() on the reactor thread ends its life in
 * the list, and may free it. */
struct command {
    struct command *next;
    void (*run)(struct viv_supervisor *supervisor, struct command *command);
};

struct inbox {
    pthread_mutex_t lock;
    struct command *first;
    struct command **last;
    int wake_fd;
};

int inbox_init(struct inbox *inbox, struct viv_error *err);
void inbox_free(struct inbox *inbox);

/* From any thread. */
void inbox_post(struct inbox *inbox, struct command *command);

/* On the reactor: takes all commands, in order of posting; NULL: none. */
struct command *inbox_take(struct inbox *inbox);

#endif
