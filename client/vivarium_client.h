/* libvivarium_client: run Python on a Vivarium supervisor, from C.
 *
 *     struct viv_client *client;
 *     struct viv_client_request request = {.code = "6 * 7"};
 *     struct viv_client_response *response;
 *     struct viv_error err;
 *
 *     if (viv_client_open(NULL, NULL, &client, &err) == 0 &&
 *         viv_client_execute(client, &request, &response, &err) == 0)
 *         printf("%s\n", response->result_repr);
 *
 * Errors: functions return 0, or -1 with `err` filled in and the outputs
 * untouched (vivarium_error.h). An execution that ran is a success whatever the
 * code did: look at response->outcome. Errors are for what did not run, or for
 * an answer that was lost:
 *   VIV_UNAVAILABLE         no supervisor there (the text then begins with
 *                           VIV_CLIENT_UNREACHABLE and nothing was sent), it
 *                           is draining, or the connection broke
 *   VIV_DEADLINE_EXCEEDED   no answer within timeout_ns
 *   VIV_CANCELLED           the call was cancelled on this side
 *   VIV_RESOURCE_EXHAUSTED  queue full, or a message above its cap
 *   VIV_INTERNAL            an answer that can't be read
 *   others                  the supervisor's, see vivarium.proto
 *
 * Threads: a client may be used by any number of threads at a time; all its
 * calls share one connection. Only viv_client_close() must come alone and last.
 * Callbacks of the blocking forms run on the thread that called, those of
 * viv_client_start() on the library's one thread.
 *
 * Fork: gRPC does not survive fork(2) without exec. Fork before the first
 * viv_client_open().
 *
 * Repeating: no call is sent twice where that could run code twice. While a
 * connection can't be made nothing has been sent, so reads, cancels and
 * executions with an execution_id of the caller's choice try again, `attempts`
 * times in all; and every call does while connect_wait_ns lasts. Once a request
 * may have left, only reads (list, describe, health, a session's scope) are
 * repeated, and only after VIV_UNAVAILABLE. A lost Execute is not: it may have
 * run.
 *
 * Strings are UTF-8 and NUL-terminated. Times are nanoseconds. In structures
 * that go in, 0 and NULL mean the default. */
#ifndef VIVARIUM_CLIENT_H
#define VIVARIUM_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/vivarium_scope.h"
#include "client/vivarium_value.h"
#include "proto/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rises by one with every change that a caller must be compiled anew for. */
#define VIV_CLIENT_VERSION 3
#define VIV_CLIENT_VERSION_TEXT "0.1.0"

#define VIV_CLIENT_UNREACHABLE "no supervisor at "

struct viv_client;

struct viv_client_options {
    /* Sent as the metadata key `vivarium-tenant`; NULL: none is sent, and the
     * supervisor decides. Visible ASCII, at most 128 bytes. */
    const char *tenant;
    /* Caps of one message; default 64 MiB each. */
    uint64_t send_bytes_max;
    uint64_t receive_bytes_max;
    /* How long a call goes on trying where connections are refused. Default:
     * it fails once the attempts of "Repeating" above are used up. */
    int64_t connect_wait_ns;
    /* Of calls that bring no timeout of their own. Default 10 s; 70 min for
     * executions, and for a cancel that waits and what concerns one session,
     * since those wait for executions: the highest wall time of an embedded
     * configuration, and ten minutes for queue and unwinding. A call always has
     * a deadline. */
    int64_t timeout_ns;
    int64_t execute_timeout_ns;
    /* See "Repeating"; default 3, at least 1. */
    unsigned attempts;
    /* Credentials. Each NULL one is taken from the environment:
     * $VIVARIUM_TOKEN, $VIVARIUM_TOKEN_FILE, $VIVARIUM_TLS_CA, $VIVARIUM_TLS_CERT,
     * $VIVARIUM_TLS_KEY. A token goes over a unix socket or TLS only. Over TCP,
     * TLS is spoken where `tls` or one of its files is given: those are PEM, and
     * without `tls_ca` the system's authorities are trusted. */
    const char *token;
    const char *token_file;
    const char *tls_ca;
    const char *tls_cert; /* the client's own, with `tls_key` */
    const char *tls_key;
    bool tls;
};

/* Makes a client; connects at its first call. `target` is "unix:PATH", "/PATH",
 * "HOST:PORT" or any name gRPC knows ("ipv4:...", "dns:///..."). NULL:
 * $VIVARIUM_TARGET, else unix:$XDG_RUNTIME_DIR/vivarium/vivarium.sock, else
 * (also where only that one exists) unix:/run/vivarium/vivarium.sock. `options` may be NULL; all of it is copied.
 * The caller owns *ret_client. VIV_INVALID_ARGUMENT for a target or an option
 * that can't be. */
int viv_client_open(const char *target, const struct viv_client_options *options,
                    struct viv_client **ret_client, struct viv_error *err);

/* Cancels what viv_client_start() still has running, waits until its callbacks
 * have run, closes the connection. The blocking calls must have returned. Not
 * from a callback. NULL is fine. Where the supervisor has stopped reading in the
 * middle of a request, a thread of the library's stays until it reads on or is
 * gone. */
void viv_client_close(struct viv_client *client);

/* The target as resolved. Lives as long as the client. */
const char *viv_client_target(const struct viv_client *client);

/* ---- executions ---- */

/* The values are those of vivarium.v1.Outcome. */
enum viv_client_outcome {
    VIV_CLIENT_COMPLETED = 1,
    VIV_CLIENT_RAISED = 2,
    VIV_CLIENT_OUTCOME_CANCELLED = 3,
    VIV_CLIENT_WALL_TIME_EXCEEDED = 4,
    VIV_CLIENT_CPU_TIME_EXCEEDED = 5,
    VIV_CLIENT_MEMORY_EXCEEDED = 6,
    VIV_CLIENT_OUTPUT_EXCEEDED = 7,
    VIV_CLIENT_STEPS_EXCEEDED = 8,
    VIV_CLIENT_WORKER_DIED = 9,
};

/* The values are those of vivarium.v1.Cause. */
enum viv_client_cause {
    VIV_CLIENT_CAUSE_CANCEL_RPC = 1,
    VIV_CLIENT_CAUSE_CALL_CANCELLED = 2,
    VIV_CLIENT_CAUSE_CLIENT_GONE = 3,
    VIV_CLIENT_CAUSE_DEADLINE = 4,
    VIV_CLIENT_CAUSE_WALL_TIME = 5,
    VIV_CLIENT_CAUSE_CPU_TIME = 6,
    VIV_CLIENT_CAUSE_MEMORY = 7,
    VIV_CLIENT_CAUSE_OUTPUT = 8,
    VIV_CLIENT_CAUSE_STEPS = 9,
    VIV_CLIENT_CAUSE_SESSION_CLOSED = 10,
    VIV_CLIENT_CAUSE_DRAIN = 11,
};

/* The values are those of vivarium.v1.Delivery. */
enum viv_client_delivery {
    VIV_CLIENT_DELIVERY_COOPERATIVE = 1,
    VIV_CLIENT_DELIVERY_KILLED = 2,
    VIV_CLIENT_DELIVERY_TOO_LATE = 3,
};

/* The values are those of vivarium.v1.Stream. */
enum viv_client_stream { VIV_CLIENT_STDOUT = 1, VIV_CLIENT_STDERR = 2 };

/* "WALL_TIME_EXCEEDED", "CANCEL_RPC", "COOPERATIVE": the contract's names less
 * their prefix; "UNSPECIFIED" for a number that this library doesn't know.
 * Static. */
const char *viv_client_outcome_name(int outcome);
const char *viv_client_cause_name(int cause);
const char *viv_client_delivery_name(int delivery);

/* As vivarium.v1.Limits. In a request 0 means the tenant's default; what is
 * negative or above the ceiling is for the supervisor to refuse. */
struct viv_client_limits {
    int64_t wall_time_ns;
    int64_t cpu_time_ns;
    int64_t cancel_grace_ns;
    int64_t cleanup_grace_ns;
    uint64_t memory_bytes;
    uint64_t memory_soft_bytes;
    uint64_t output_bytes;
    uint64_t steps;
    uint32_t pids;
};

#define VIV_CLIENT_PROFILE_DEFAULT INT64_C(-1)

/* Among the tenant's own executions that wait. */
enum viv_client_priority {
    VIV_CLIENT_PRIORITY_DEFAULT = 0, /* normal */
    VIV_CLIENT_PRIORITY_LOW = 1,
    VIV_CLIENT_PRIORITY_NORMAL = 2,
    VIV_CLIENT_PRIORITY_HIGH = 3,
};

/* Read during the call that it is given to, not after. */
struct viv_client_request {
    const char *execution_id;   /* NULL: the supervisor makes one */
    const char *code;           /* NULL: "" */
    const char *filename;       /* NULL: "<execution>" */
    const char *session_id;     /* run in this session's scope; NULL: in none */
    const char *worker_profile; /* NULL: "default". Not with a session_id. */
    /* Begin with these names; NULL: with none. Not with a session_id. */
    const struct viv_scope *scope;
    bool return_scope; /* answer with the scope as the code left it */
    const void *stdin_data;
    size_t stdin_len;
    struct viv_client_limits limits;
    bool detach;
    bool cancel_on_output_limit;
    /* Sample where the code is this often; 0: no, VIV_CLIENT_PROFILE_DEFAULT: as
     * the supervisor sees fit. */
    int64_t profile_interval_ns;
    /* Record so many lines as they run, those of libraries only if that is set; 0:
     * none. The code runs several times as slowly. */
    uint32_t trace_lines;
    bool trace_libraries;
    enum viv_client_priority priority;
    /* The whole call, queue included. The supervisor ends the code a little
     * before it. Default: the client's execute_timeout_ns, and never less than
     * limits.wall_time_ns and ten minutes. */
    int64_t timeout_ns;
};

struct viv_client_frame {
    const char *filename;
    const char *function;
    const char *source;
    uint32_t line;
    uint32_t end_line;
    int32_t column; /* -1: not known */
    int32_t end_column;
};

struct viv_client_syntax {
    const char *filename;
    const char *text;
    uint32_t line;
    uint32_t offset;
    uint32_t end_line;
    uint32_t end_offset;
};

/* An exception that left the code. */
struct viv_client_exception {
    const char *type;
    const char *message;
    const char *traceback;
    const struct viv_client_frame *frames;
    size_t frame_count;
    const struct viv_client_syntax *syntax; /* NULL: no SyntaxError */
};

/* How a cancel went, as vivarium.v1.Cancellation. Points in time count from
 * the start of the code, 0: it did not come to that. */
struct viv_client_receipt {
    int cause;    /* enum viv_client_cause, or a newer one */
    int delivery; /* enum viv_client_delivery, or a newer one */
    const char *reason;
    int64_t requested_ns;
    int64_t flag_set_ns;
    int64_t hook_reached_ns;
    int64_t raised_ns;
    int64_t unwound_ns;
    int64_t killed_ns;
    int64_t cleanup_deferred_ns;
    uint32_t raise_count;
    uint32_t processes_killed;
};

struct viv_client_usage {
    int64_t wall_ns;
    int64_t user_cpu_ns;
    int64_t system_cpu_ns;
    int64_t queue_ns;
    uint64_t peak_memory_bytes;
    uint64_t steps;
    uint64_t stdout_bytes;
    uint64_t stderr_bytes;
};

/* The values are those of vivarium.v1.Isolation. */
enum viv_client_isolation {
    VIV_CLIENT_ISOLATION_UNSPECIFIED = 0,
    VIV_CLIENT_ISOLATION_FORK = 1, /* what it was cloned from serves others, too */
    VIV_CLIENT_ISOLATION_EXEC = 2, /* nothing is shared with any other worker */
};

struct viv_client_enforcement {
    const char *const *layers;
    size_t layer_count;
    const char *const *absent;
    size_t absent_count;
};

/* The values are those of vivarium.v1.RestoredFrom. */
enum viv_client_restored_from {
    VIV_CLIENT_RESTORED_FROM_EVICTION = 1,
    VIV_CLIENT_RESTORED_FROM_CRASH = 2,
    VIV_CLIENT_RESTORED_FROM_KILL = 3,
    VIV_CLIENT_RESTORED_FROM_RESTART = 4,
    VIV_CLIENT_RESTORED_FROM_OTHER_SUPERVISOR = 5,
};

/* "EVICTION", "OTHER_SUPERVISOR"; as viv_client_outcome_name(). */
const char *viv_client_restored_from_name(int restored_from);

/* A session's part of a reply. */
struct viv_client_session_state {
    const char *session_id;
    bool restored;           /* the scope came from a snapshot, not from its worker */
    int restored_from;       /* enum viv_client_restored_from, or a newer one; 0: not restored */
    int64_t snapshot_age_ns; /* -1: there was none, the scope began empty */
    bool saved;              /* with VIV_CLIENT_EVERY_EXECUTION: it is in the store */
    const char *save_error;  /* "": none */
};

/* A line of code. */
struct viv_client_place {
    const char *filename;
    uint32_t line; /* 0: not known */
    const char *function;
};

struct viv_client_stack {
    const uint32_t *places; /* each below place_count; outermost first */
    size_t depth;           /* at least 1 */
    uint64_t samples;
};

/* Where an execution spent its time, as vivarium.v1.Profile: the worker's word. */
struct viv_client_profile {
    int64_t interval_ns;
    const struct viv_client_place *places;
    size_t place_count;
    const struct viv_client_stack *stacks;
    size_t stack_count;
    uint64_t dropped; /* samples that were not kept */
};

/* Which lines ran, in order, as vivarium.v1.Trace: the worker's word. */
struct viv_client_trace {
    const struct viv_client_place *places;
    size_t place_count;
    const uint32_t *lines; /* each below place_count */
    size_t line_count;
    uint64_t dropped; /* lines past the limit */
};

/* How an execution went. One allocation tree: viv_client_response_free() frees
 * it with all that it points to, values included. */
struct viv_client_response {
    const char *execution_id;
    int outcome;             /* enum viv_client_outcome, or a newer one */
    struct viv_value result; /* VIV_VALUE_ABSENT: no trailing expression, or None */
    const char *result_repr; /* NULL: as above */
    const uint8_t *stdout_data;
    size_t stdout_len;
    const uint8_t *stderr_data;
    size_t stderr_len;
    bool stdout_truncated;
    bool stderr_truncated;
    const struct viv_client_exception *exception; /* NULL: none */
    const struct viv_client_receipt *receipt;     /* NULL: no cancel was asked for */
    int exit_status;                              /* of sys.exit(); -1: none */
    int death_signal;                             /* 0: none */
    int death_status;                             /* -1: none */
    const char *death_text;                       /* NULL: the worker did not die */
    struct viv_client_usage usage;
    struct viv_client_enforcement enforcement;
    /* With return_scope, after a run that unwound; else NULL. May be changed and
     * sent again; viv_scope_copy() where it is to outlive the response. */
    struct viv_scope *scope;
    struct viv_manifest manifest;                   /* what became of each name of `scope` */
    struct viv_manifest restore_manifest;           /* of the request's or the session's scope */
    const struct viv_client_session_state *session; /* NULL: not in a session */
    const struct viv_client_profile *profile;       /* NULL: not asked for, or killed */
    const struct viv_client_trace *trace;           /* the same */
    enum viv_client_isolation isolation;            /* of the worker that ran it */
};

/* NULL is fine. */
void viv_client_response_free(struct viv_client_response *response);

/* Runs code and waits for its end. The caller owns *ret_response. */
int viv_client_execute(struct viv_client *client, const struct viv_client_request *request,
                       struct viv_client_response **ret_response, struct viv_error *err);

/* What is told while code runs. A NULL member is skipped. What is pointed to
 * lives until the callback returns. Return false to end the call: the
 * supervisor cancels the execution, unless it is detached, and the call ends
 * with VIV_CANCELLED. A callback that takes its time stops the output, not the
 * library's other users (with viv_client_start() it holds up the callbacks of
 * other executions of the same client). */
struct viv_client_events {
    bool (*started)(void *arg, const char *execution_id);
    bool (*output)(void *arg, enum viv_client_stream stream, const void *data, size_t len);
};

/* The same with events as they happen. A callback may use the client, but must
 * not close it. */
int viv_client_execute_stream(struct viv_client *client, const struct viv_client_request *request,
                              const struct viv_client_events *events, void *arg,
                              struct viv_client_response **ret_response, struct viv_error *err);

/* ---- executions without waiting ---- */

struct viv_client_call;

/* Called once, last, on the library's thread: with a response that the callee
 * then owns, or with NULL and an error that lives until it returns. It may
 * start further calls; it must not block for long, nor call
 * viv_client_close(), nor any blocking form (they would work, and hold up every
 * other callback of this client). */
typedef void viv_client_done(void *arg, struct viv_client_response *response,
                             const struct viv_error *error);

/* Starts an execution. `events` may be NULL; else its callbacks run on the
 * library's thread. `arg` must live until `done`. Callbacks may run before this
 * returns. *ret_call (ret_call may be NULL) is the caller's, to be given to
 * viv_client_call_release(). On failure nothing is ever called. Errors that
 * come later go to `done`. What is started first is sent first, also before there is
 * a connection; only one that breaks may put calls out of order. */
int viv_client_start(struct viv_client *client, const struct viv_client_request *request,
                     const struct viv_client_events *events, viv_client_done *done, void *arg,
                     struct viv_client_call **ret_call, struct viv_error *err);

/* Ends the call: `done` comes with VIV_CANCELLED, unless it was on its way, and
 * the supervisor cancels the execution, unless it is detached. For the receipt
 * use viv_client_cancel() instead. From any thread, callbacks included. */
void viv_client_call_cancel(struct viv_client_call *call);

/* Lets go of the handle; the execution goes on. NULL is fine. Before
 * viv_client_close(), or after. */
void viv_client_call_release(struct viv_client_call *call);

/* ---- the rest of the service ---- */

/* The values are those of vivarium.v1.CancelState. */
enum viv_client_cancel_state {
    VIV_CLIENT_CANCEL_CANCELLING = 1,
    VIV_CLIENT_CANCEL_FINISHED = 2,
    VIV_CLIENT_CANCEL_NOT_FOUND = 3,
};

struct viv_client_cancel {
    const char *execution_id;
    const char *reason; /* NULL: none; at most 256 bytes */
    bool force;         /* kill at once */
    bool wait;          /* answer when it has ended */
    int64_t timeout_ns;
};

struct viv_client_cancel_reply {
    int state;                                /* enum viv_client_cancel_state, or a newer one */
    const struct viv_client_receipt *receipt; /* NULL unless `wait` found an execution */
};

/* Cancels a queued, a running or a coming execution; see vivarium.proto. The
 * caller owns *ret_reply. */
int viv_client_cancel(struct viv_client *client, const struct viv_client_cancel *cancel,
                      struct viv_client_cancel_reply **ret_reply, struct viv_error *err);
void viv_client_cancel_reply_free(struct viv_client_cancel_reply *reply);

/* The values are those of vivarium.v1.ExecutionState. */
enum viv_client_execution_state {
    VIV_CLIENT_QUEUED = 1,
    VIV_CLIENT_RUNNING = 2,
    VIV_CLIENT_CANCELLING = 3,
};

const char *viv_client_execution_state_name(int state);

struct viv_client_execution {
    const char *execution_id;
    int state;            /* enum viv_client_execution_state, or a newer one */
    int64_t submitted_ns; /* since 1970 */
    int64_t running_ns;
    const char *session_id; /* "": none */
    const char *filename;
    uint64_t memory_bytes; /* its processes hold now; 0: not known */
};

struct viv_client_list_reply {
    const struct viv_client_execution *executions;
    size_t count;
};

/* The tenant's executions, oldest first. timeout_ns 0: the client's. The caller
 * owns *ret_reply. */
int viv_client_list(struct viv_client *client, int64_t timeout_ns,
                    struct viv_client_list_reply **ret_reply, struct viv_error *err);
void viv_client_list_reply_free(struct viv_client_list_reply *reply);

/* ---- sessions ---- */

/* The values are those of vivarium.v1.Durability. */
enum viv_client_durability {
    VIV_CLIENT_ON_EVICTION = 1,
    VIV_CLIENT_EVERY_EXECUTION = 2,
};

/* "ON_EVICTION", "EVERY_EXECUTION"; as viv_client_outcome_name(). */
const char *viv_client_durability_name(int durability);

/* Read during the call, not after. */
struct viv_client_session_open {
    const char *session_id;        /* NULL: the supervisor makes one */
    const char *worker_profile;    /* NULL: "default" */
    const struct viv_scope *scope; /* what it begins with; NULL: empty */
    int64_t idle_timeout_ns;       /* 0: the tenant's default */
    int durability;                /* enum viv_client_durability; 0: on eviction */
    int64_t timeout_ns;            /* of this call */
};

struct viv_client_session_reply {
    const char *session_id;
    struct viv_manifest restore_manifest; /* what could not be restored of the scope */
};

/* Opens a session. The caller owns *ret_reply. VIV_ALREADY_EXISTS where the id is in
 * use. */
int viv_client_session_open(struct viv_client *client, const struct viv_client_session_open *open,
                            struct viv_client_session_reply **ret_reply, struct viv_error *err);
void viv_client_session_reply_free(struct viv_client_session_reply *reply);

/* Closes it: its execution is cancelled, its scope forgotten. VIV_NOT_FOUND where the
 * tenant has none of that id. */
int viv_client_session_close(struct viv_client *client, const char *session_id, int64_t timeout_ns,
                             struct viv_error *err);

struct viv_client_session {
    const char *session_id;
    int64_t opened_ns; /* since 1970 */
    int64_t last_used_ns;
    bool resident;           /* a warm worker holds it */
    uint64_t snapshot_bytes; /* in the store; 0: none yet */
    int durability;          /* enum viv_client_durability, or a newer one */
    int64_t idle_timeout_ns; /* 0: never closed */
    const char *worker_profile;
    const char *execution_id; /* of the one that runs now; "": none */
};

struct viv_client_sessions_reply {
    const struct viv_client_session *sessions;
    size_t count;
};

/* The tenant's sessions. The caller owns *ret_reply. */
int viv_client_session_list(struct viv_client *client, int64_t timeout_ns,
                            struct viv_client_sessions_reply **ret_reply, struct viv_error *err);
void viv_client_sessions_reply_free(struct viv_client_sessions_reply *reply);

/* A session's scope, or what became of one that was set. */
struct viv_client_scope_reply {
    struct viv_scope *scope;                        /* of viv_client_scope_get(), never NULL then */
    struct viv_manifest manifest;                   /* what became of each name of `scope` */
    struct viv_manifest restore_manifest;           /* what could not be restored */
    const struct viv_client_session_state *session; /* NULL: not told */
};

/* Reads a session's scope once its executions have ended. The caller owns
 * *ret_reply, and with it the scope. */
int viv_client_scope_get(struct viv_client *client, const char *session_id, int64_t timeout_ns,
                         struct viv_client_scope_reply **ret_reply, struct viv_error *err);

/* Replaces a session's scope. The caller owns *ret_reply. */
int viv_client_scope_set(struct viv_client *client, const char *session_id,
                         const struct viv_scope *scope, int64_t timeout_ns,
                         struct viv_client_scope_reply **ret_reply, struct viv_error *err);
void viv_client_scope_reply_free(struct viv_client_scope_reply *reply);

/* ---- the supervisor ---- */

struct viv_client_description {
    const char *version;
    const char *vm;
    const char *tenant;
    struct viv_client_enforcement enforcement;
    struct viv_client_limits defaults;
    struct viv_client_limits ceilings;
    uint32_t quota_running;
    uint32_t quota_queued;
    uint64_t quota_message_bytes;
    uint32_t quota_weight;
    double quota_rate; /* executions a second; 0: any */
    uint32_t quota_burst;
    uint64_t quota_memory_bytes; /* of those that run, together; 0: any */
    uint64_t quota_request_bytes;
    uint32_t quota_sessions;
    uint32_t quota_resident_sessions;
    uint64_t quota_stored_bytes; /* 0: any */
    /* Of all tenants on a socket of one's own, else the tenant's. */
    uint32_t pool_idle;
    uint32_t pool_busy;
    uint32_t pool_queued;
    uint32_t pool_ceiling;
    const char *const *worker_profiles; /* names of those that the tenant may use */
    size_t worker_profile_count;
    enum viv_client_isolation isolation; /* of the tenant's workers, in the default profile */
};

/* What the supervisor is. The caller owns *ret_description. */
int viv_client_describe(struct viv_client *client, int64_t timeout_ns,
                        struct viv_client_description **ret_description, struct viv_error *err);
void viv_client_description_free(struct viv_client_description *description);

/* Asks grpc.health.v1.Health about `service`, NULL or "" for the supervisor as a
 * whole. *ret_serving is false where it drains. VIV_NOT_FOUND for a service
 * that it doesn't know. */
int viv_client_health(struct viv_client *client, const char *service, int64_t timeout_ns,
                      bool *ret_serving, struct viv_error *err);

#ifdef __cplusplus
}
#endif

#endif
