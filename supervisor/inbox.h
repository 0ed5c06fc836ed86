/* What other threads ask of the reactor: a list of commands behind a mutex,
 * and an eventfd that is written when the list stops being empty. */
#ifndef VIVARIUM_INBOX_H
#define VIVARIUM_INBOX_H

#include <pthread.h>
#include <stdbool.h>

#include "proto/error.h"

struct viv_supervisor;

/* Lives inside what it is about; run(), with the reactor's turn, ends its life in the
 * list, and may free it. */
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

/* The two halves of it: where the caller goes on to run what is in the list. */
void inbox_put(struct inbox *inbox, struct command *command);
void inbox_ring(struct inbox *inbox);

bool inbox_is_empty(struct inbox *inbox);

/* Clears the wake-up: before looking, or one that comes in between is lost. */
void inbox_hear(struct inbox *inbox);

/* With the reactor's turn: takes all commands, in order of posting; NULL: none. */
struct command *inbox_take(struct inbox *inbox);

#endif
