/* One execution, from submission to its one outcome. The places come from a
 * fixed pool; only the reactor touches one after it was posted. */
#ifndef VIVARIUM_EXECUTION_H
#define VIVARIUM_EXECUTION_H

#include "supervisor/inbox.h"
#include "supervisor/output.h"
#include "supervisor/receipt.h"
#include "supervisor/registry.h"
#include "supervisor/timers.h"
#include "supervisor/vivarium.h"

struct worker;

enum execution_phase {
    EXECUTION_UNBORN, /* free, or on its way to the reactor */
    EXECUTION_QUEUED,
    EXECUTION_RUNNING, /* a worker has it */
};

/* What the worker answered: the scalars of its RunResult and the body. */
struct answer {
    bool given;
    unsigned end; /* RunEnd */
    int exit_status;
    uint64_t steps;
    int64_t user_cpu_ns, system_cpu_ns;
    uint64_t peak_rss_bytes;
    uint8_t *body; /* owned: malloc'ed, or a mapping where `mapped` */
    size_t body_len;
    bool mapped;
};

/* Somebody who waits for the end of an execution that was cancelled. */
struct waiter {
    struct waiter *next;
    viv_cancel_done *done;
    void *arg;
};

struct execution {
    struct command submitted; /* first use of the place: through the inbox */
    struct viv_supervisor *supervisor;
    /* Its ticket, which is also the sequence number of its frames. The reactor
     * looks at this one while another thread fills a free place, so that thread
     * writes the other. */
    viv_ticket ticket, coming_ticket;
    enum execution_phase phase;
    struct name name;
    struct execution *next, *previous; /* all live ones, oldest first */
    struct execution *next_queued;     /* the queue, or the free list */

    /* The request; one block of memory holds the copies. */
    char *block;
    const char *filename;
    const char *code;
    size_t code_len;
    size_t scope_len; /* the scope lies behind the code, as in the frame */
    bool return_scope;
    const void *stdin_data;
    size_t stdin_len;
    uint64_t charged_bytes;
    struct viv_limits limits;
    int64_t deadline_ns;
    bool cancel_on_output_limit;
    struct viv_callbacks callbacks;
    void *arg;

    struct worker *worker;
    struct timer timer;
    int64_t submitted_ns, submitted_realtime_ns, began_ns, answered_ns;
    int64_t next_cpu_check_ns;
    bool forced;
    struct cancel_record cancel;
    unsigned notes;
    struct waiter *waiters;
    struct output output;
    bool paused;
    struct answer answer;
};

/* Copies the request into a free place. VIV_RESOURCE_EXHAUSTED: no memory. */
int execution_fill(struct execution *execution, const struct viv_request *request,
                   const struct viv_limits *limits, const struct viv_callbacks *callbacks,
                   void *arg, struct viv_error *err);

/* Releases what the place holds; it may be filled again. On the reactor. */
void execution_clear(struct execution *execution);

void answer_free(struct answer *answer);

/* How an execution that ran has ended, for its finished callback and its
 * waiters. Calls them. `death` may be NULL, `layers` as in viv_result. */
void execution_report(struct execution *execution, const struct viv_death *death, uint64_t layers);

/* For one that did not run. */
void execution_reject(struct execution *execution, const struct viv_error *error);

#endif
