/* Points in time, earliest first: a binary heap of nodes that live inside what
 * they wake. Setting, moving and stopping cost O(log n); none allocates. */
#ifndef VIVARIUM_TIMERS_H
#define VIVARIUM_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

struct timer {
    int64_t at_ns;
    size_t place; /* in the heap, from 1; 0: not set */
    void (*fire)(struct timer *timer, int64_t now_ns);
};

struct timers {
    struct timer **heap; /* heap[0] is unused */
    size_t count;
    size_t capacity;
    int64_t running_ns; /* the time that timers_run() runs for; else INT64_MIN */
};

/* `capacity`: the most nodes that are ever set at a time. */
int timers_init(struct timers *timers, size_t capacity, struct viv_error *err);
void timers_free(struct timers *timers);

/* Sets the node, or moves it where it is set. */
void timers_set(struct timers *timers, struct timer *timer, int64_t at_ns);

/* Stops the node; nothing where it is not set. */
void timers_stop(struct timers *timers, struct timer *timer);

/* The earliest time; INT64_MAX where none is set. */
int64_t timers_next(const struct timers *timers);

/* Takes out each node that is due and calls its fire(), which may set and stop
 * any node. A node that is set during the call to a time that is due already fires in
 * the next one, so one that always does so delays nobody else for ever. */
void timers_run(struct timers *timers, int64_t now_ns);

#endif
