/* What sessions want of the store, done on its thread and answered on the
 * reactor. A task holds copies: the thread never looks at a session. */
#ifndef VIVARIUM_SESSION_STORE_H
#define VIVARIUM_SESSION_STORE_H

#include "supervisor/inbox.h"
#include "supervisor/store/store_thread.h"
#include "supervisor/timers.h"
#include "supervisor/vivarium.h"

struct session;

/* What waits for the disk, in bytes. */
#define SESSION_STORE_WAITING_BYTES ((size_t)256 << 20)

enum session_task_kind {
    SESSION_TASK_NONE,
    SESSION_TASK_CREATE, /* acquire, and a record where there is none yet */
    SESSION_TASK_LOAD,   /* acquire, record, snapshot */
    SESSION_TASK_FETCH,  /* snapshot */
    SESSION_TASK_PUT,
    SESSION_TASK_DELETE, /* and release */
    SESSION_TASK_LEAVE,  /* touch and release */
    SESSION_TASK_RENEW,
};

struct session_task {
    struct store_task base;
    struct command command; /* its way back */
    struct viv_supervisor *supervisor;
    struct session *session;
    enum session_task_kind kind; /* NONE: not under way */
    struct store_key key;
    const char *owner;
    int64_t ttl_ns;
    struct store_lease lease; /* in and out */
    struct store_meta meta;   /* in and out */
    const void *bytes;        /* of PUT */
    size_t len;
    size_t beside; /* bytes that wait with these, for the queue's bound */
    bool touch;    /* of LEAVE: the record has changed */
    void *found;   /* of LOAD and FETCH: malloc'ed, the receiver's */
    size_t found_len;
};

/* Deletes, now and then, what has been idle for too long and nobody holds. */
struct session_sweep {
    struct store_task base;
    struct command command;
    struct viv_supervisor *supervisor;
    struct timer timer;
    bool under_way;
    unsigned count; /* that the last one deleted */
};

/* More than the store can fail to answer in a short time: one write is under way at
 * a time. */
#define SESSION_STORE_UNANSWERED 16

struct session_store {
    struct store *store;
    struct store_thread *thread;
    char node[STORE_NAME_MAX + 1];
    uint64_t node_hash, life; /* as in store_meta */
    int64_t lease_ns;
    struct session_sweep sweep;
    unsigned asked; /* tasks that have yet to come back */
    /* On the thread: opened_ns of sessions whose first write got no answer, so that
     * who asked was told that it failed, and that may be there all the same. */
    int64_t unanswered[SESSION_STORE_UNANSWERED];
    unsigned unanswered_next;
};

int session_store_open(struct session_store *store, const struct viv_session_config *config,
                       uint64_t snapshot_bytes_max, struct viv_error *err);

/* Ends the thread when all that was asked is done. Half built is fine. */
void session_store_close(struct session_store *store);

/* Hands the task over; session_stored() follows on the reactor. Only `kind` and
 * what is said above to go in must be set. */
int session_store_ask(struct viv_supervisor *supervisor, struct session *session,
                      struct session_task *task, struct viv_error *err);

/* Any task whose `done` posts a command; that one calls session_store_came_back(). */
int session_store_submit(struct viv_supervisor *supervisor, struct store_task *task,
                         struct viv_error *err);
void session_store_came_back(struct viv_supervisor *supervisor);

void session_store_begin_sweeps(struct viv_supervisor *supervisor);

#endif
