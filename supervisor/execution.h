/* One execution, from submission to its one outcome. The places come from a
 * fixed pool; only the reactor touches one after it was posted. */
#ifndef VIVARIUM_EXECUTION_H
#define VIVARIUM_EXECUTION_H

#include "supervisor/demand.h"
#include "supervisor/inbox.h"
#include "supervisor/output.h"
#include "supervisor/receipt.h"
#include "supervisor/registry.h"
#include "supervisor/tenant/fair.h"
#include "supervisor/timers.h"
#include "supervisor/vivarium.h"

struct tenant;
struct worker;
struct session;
struct zygote;

enum execution_phase {
    EXECUTION_UNBORN,  /* free, or on its way to the reactor */
    EXECUTION_WAITING, /* for its turn in its session */
    EXECUTION_QUEUED,  /* for a worker */
    EXECUTION_RUNNING, /* a worker has it */
    EXECUTION_SAVING,  /* answered; its session's scope is on its way to the store */
};

/* What an execution does. The first ones are callers' (enum viv_request_kind),
 * the others a session's own. */
enum execution_kind {
    EXECUTION_CODE = VIV_REQUEST_EXECUTE,
    EXECUTION_OPEN = VIV_REQUEST_OPEN_SESSION,
    EXECUTION_GET_SCOPE = VIV_REQUEST_GET_SCOPE,
    EXECUTION_SET_SCOPE = VIV_REQUEST_SET_SCOPE,
    EXECUTION_CHECKPOINT, /* the scope for the store */
    EXECUTION_END,        /* threads and exit functions of a session's code */
};

/* Bytes that outlive the frame they came with. */
struct blob {
    uint8_t *data; /* malloc'ed, or a mapping where `mapped`; NULL: none */
    size_t len;
    bool mapped;
};

/* Takes over what it holds, the blob is empty then. NULL data is fine. */
void blob_free(struct blob *blob);

/* What the worker answered: the scalars of its RunResult and the body. */
struct answer {
    bool given;
    unsigned end; /* RunEnd */
    int exit_status;
    uint64_t steps;
    int64_t user_cpu_ns, system_cpu_ns;
    uint64_t peak_rss_bytes;
    bool scope_refused; /* what was to be set; the code did not run */
    struct blob body;
    struct blob checkpoint; /* of SCOPE */
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
    enum execution_kind kind;
    /* Its ticket, which is also the sequence number of its frames. The reactor
     * looks at this one while another thread fills a free place, so that thread
     * writes the other. */
    viv_ticket ticket, coming_ticket;
    enum execution_phase phase;
    struct name name;
    struct execution *next, *previous; /* all live ones, oldest first */
    struct execution *next_queued;     /* its session's line, or the free list */
    struct tenant *tenant;             /* NULL for a session's own, and at the end */
    TAILQ_ENTRY(execution) of_tenant;
    struct fair_item item;

    /* The request; one block of memory holds the copies. */
    char *block;
    const char *filename;
    char numbered[40]; /* filename, in a session */
    const char *code;
    size_t code_len;
    size_t scope_len; /* the scope lies behind the code, as in the frame */
    bool return_scope;
    struct viv_observe observe;
    const void *stdin_data;
    size_t stdin_len;
    char session_id[VIV_ID_MAX + 1]; /* "": none */
    int64_t idle_timeout_ns;         /* with OPEN */
    enum viv_durability durability;  /* with OPEN */
    uint64_t charged_bytes;
    struct viv_limits limits;
    int64_t deadline_ns;
    bool cancel_on_output_limit;
    struct viv_callbacks callbacks;
    void *arg;

    struct session *session; /* NULL: none, or not arrived there yet */
    bool save;               /* its scope is written before it is told */
    struct viv_session_state session_state;
    char save_error[VIV_ERROR_TEXT];

    struct zygote *zygote; /* of its profile: of its session's, once it has the turn */
    bool exec;             /* its worker is to have, or has, a zygote of its own */
    struct worker *worker;
    /* Its turn has come, and a worker of its tenant is on its way to it. */
    struct demand_tenant *parked; /* NULL: no */
    struct execution *next_parked;
    /* Its session's worker waits for it, and it until its tenant may run one more. */
    bool held;
    TAILQ_ENTRY(execution) of_held;
    struct timer timer;
    int64_t submitted_ns, submitted_realtime_ns, began_ns, answered_ns;
    int64_t next_cpu_check_ns, next_look_ns;
    bool forced;
    struct cancel_record cancel;
    unsigned notes;
    struct waiter *waiters;
    struct output output;
    bool paused, outlives_reader;
    int64_t paused_ns; /* since when */
    struct answer answer;
};

/* Copies the request into a free place. VIV_RESOURCE_EXHAUSTED: no memory. */
int execution_fill(struct execution *execution, const struct viv_request *request,
                   const struct viv_limits *limits, const struct viv_callbacks *callbacks,
                   void *arg, struct viv_error *err);

/* A session's own, with the default limits but a short time. */
void execution_fill_own(struct execution *execution, const char *tenant, enum execution_kind kind,
                        const struct viv_config *config);

/* Whether it is a session's own. */
static inline bool execution_is_own(const struct execution *execution)
{
    return execution->kind >= EXECUTION_CHECKPOINT;
}

/* Where the caller gave it no filename: one that says which of its session's
 * executions it is. */
void execution_number(struct execution *execution, uint64_t number);

/* Releases what the place holds; it may be filled again. On the reactor. */
void execution_clear(struct execution *execution);

/* How an execution that ran has ended, for its finished callback and its
 * waiters. Calls them. `death` may be NULL, `layers` and `absent` as in viv_result. */
void execution_report(struct execution *execution, const struct viv_death *death, uint64_t layers,
                      uint64_t absent);

/* For one that did not run. */
void execution_reject(struct execution *execution, const struct viv_error *error);

#endif
