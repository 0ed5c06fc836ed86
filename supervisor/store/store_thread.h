/* A thread that waits for a store, so that a reactor need not: tasks run one
 * after the other, in the order in which they came, urgent ones first. */
#ifndef VIVARIUM_STORE_THREAD_H
#define VIVARIUM_STORE_THREAD_H

#include <stdbool.h>

#include "supervisor/store/store.h"

/* One operation: the head of a struct of the caller's that holds what goes in
 * and what comes out. The thread has it from store_thread_submit() until
 * `done` is called. */
struct store_task {
    struct store_task *next; /* the thread's */
    /* On the thread: calls the store. 0, or -1 with `err` filled in. */
    int (*run)(struct store_task *task, struct store *store, struct viv_error *err);
    /* On the thread, as its last touch of the task: hands it back to the
     * caller's own thread (inbox_post(), say). */
    void (*done)(struct store_task *task);
    bool urgent;  /* a lease to renew must not wait behind snapshots */
    size_t bytes; /* that the task holds until it is done */
    int result;   /* of run */
    struct viv_error error;
};

struct store_thread;

/* Does not own `store`, which must outlive it. At most `tasks_max` tasks and
 * `bytes_max` bytes wait at a time; but a task of any size is taken when nothing
 * else waits. */
int store_thread_start(struct store *store, unsigned tasks_max, size_t bytes_max,
                       struct store_thread **ret_thread, struct viv_error *err);

/* Carries out what was submitted, then ends the thread. Nobody may submit any
 * more. NULL is fine. */
void store_thread_stop(struct store_thread *thread);

/* From any thread, never waits. Sets `next`, `result` and `error`. On success
 * `done` will be called, once. VIV_RESOURCE_EXHAUSTED: too much waits already;
 * an urgent task is always taken. */
int store_thread_submit(struct store_thread *thread, struct store_task *task,
                        struct viv_error *err);

#endif
