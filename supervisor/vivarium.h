/* libvivarium: a pool of sandboxed worker processes that run Python code.
 *
 *     struct viv_config config;
 *     viv_config_init(&config);
 *     viv_supervisor_create(&config, &sup, &err);
 *     viv_submit(sup, &request, &callbacks, arg, &ticket, &err);
 *     ...
 *     viv_supervisor_destroy(sup);
 *
 * Threads: every function may be called from any thread, create and destroy
 * once each. The supervisor has one thread, the reactor, which owns all state;
 * every callback runs on it (but see callers_run and viv_drive()). A callback must return soon,
 * may call any function here but viv_supervisor_destroy(), and may keep nothing
 * that it was given by pointer beyond its return unless said otherwise.
 *
 * Create the supervisor before the process starts other threads where that is
 * possible: it starts its zygote by posix_spawn(3) and installs no signal
 * handler; a dead zygote is started again in the same way.
 *
 * Strings are UTF-8 and NUL-terminated unless a length stands beside them.
 * Times are nanoseconds; points in time are CLOCK_MONOTONIC. */
#ifndef VIVARIUM_H
#define VIVARIUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VIV_VERSION "0.1.0"

/* Rises by one with every change that a caller must be compiled anew for. */
#define VIV_ABI_VERSION 2

/* Longest execution_id, tenant and session_id, in bytes. */
#define VIV_ID_MAX 128

struct viv_supervisor;

/* Names one submitted execution of one supervisor; never 0, never used twice. */
typedef uint64_t viv_ticket;

/* The values are those of vivarium.v1.Outcome. */
enum viv_outcome {
    VIV_OUTCOME_COMPLETED = 1,
    VIV_OUTCOME_RAISED = 2,
    VIV_OUTCOME_CANCELLED = 3,
    VIV_OUTCOME_WALL_TIME_EXCEEDED = 4,
    VIV_OUTCOME_CPU_TIME_EXCEEDED = 5,
    VIV_OUTCOME_MEMORY_EXCEEDED = 6,
    VIV_OUTCOME_OUTPUT_EXCEEDED = 7,
    VIV_OUTCOME_STEPS_EXCEEDED = 8,
    VIV_OUTCOME_WORKER_DIED = 9,
};

/* The values are those of vivarium.v1.Cause. */
enum viv_cause {
    VIV_CAUSE_NONE = 0,
    VIV_CAUSE_CANCEL_RPC = 1,
    VIV_CAUSE_CALL_CANCELLED = 2,
    VIV_CAUSE_CLIENT_GONE = 3,
    VIV_CAUSE_DEADLINE = 4,
    VIV_CAUSE_WALL_TIME = 5,
    VIV_CAUSE_CPU_TIME = 6,
    VIV_CAUSE_MEMORY = 7,
    VIV_CAUSE_OUTPUT = 8,
    VIV_CAUSE_STEPS = 9,
    VIV_CAUSE_SESSION_CLOSED = 10,
    VIV_CAUSE_DRAIN = 11,
};

/* The values are those of vivarium.v1.Delivery. */
enum viv_delivery {
    VIV_DELIVERY_NONE = 0,
    VIV_DELIVERY_COOPERATIVE = 1,
    VIV_DELIVERY_KILLED = 2,
    VIV_DELIVERY_TOO_LATE = 3,
};

/* The values are those of vivarium.v1.Priority. */
enum viv_priority {
    VIV_PRIORITY_UNSPECIFIED = 0, /* normal */
    VIV_PRIORITY_LOW = 1,
    VIV_PRIORITY_NORMAL = 2,
    VIV_PRIORITY_HIGH = 3,
};

/* The values are those of vivarium.v1.Stream. */
enum viv_stream { VIV_STDOUT = 1, VIV_STDERR = 2 };

/* The values are those of vivarium.v1.CancelState. */
enum viv_cancel_state {
    VIV_CANCEL_CANCELLING = 1,
    VIV_CANCEL_FINISHED = 2,
    VIV_CANCEL_NOT_FOUND = 3,
};

/* The values are those of vivarium.v1.ExecutionState. */
enum viv_execution_state {
    VIV_EXECUTION_QUEUED = 1,
    VIV_EXECUTION_RUNNING = 2,
    VIV_EXECUTION_CANCELLING = 3,
};

/* Limits of one execution. In a request 0 means the default; a negative time
 * or a value above the ceiling is VIV_INVALID_ARGUMENT. The fields are those of
 * vivarium.v1.Limits and explained there. */
struct viv_limits {
    int64_t wall_time_ns;
    int64_t cpu_time_ns;
    int64_t cancel_grace_ns;
    int64_t cleanup_grace_ns;
    uint64_t memory_bytes;
    uint64_t memory_soft_bytes;
    uint64_t output_bytes;
    uint64_t steps; /* default 0: not counted; ceiling 0: any */
    uint32_t pids;
};

/* When a session's scope is written to the store. The values are those of
 * vivarium.v1.Durability. */
enum viv_durability {
    VIV_DURABILITY_ON_EVICTION = 1,     /* when its worker is needed for another, and at a drain */
    VIV_DURABILITY_EVERY_EXECUTION = 2, /* before each execution is answered */
};

/* The values are those of vivarium.v1.RestoredFrom. */
enum viv_restored_from {
    VIV_RESTORED_FROM_NONE = 0,
    VIV_RESTORED_FROM_EVICTION = 1,
    VIV_RESTORED_FROM_CRASH = 2,
    VIV_RESTORED_FROM_KILL = 3,
    VIV_RESTORED_FROM_RESTART = 4,
    VIV_RESTORED_FROM_OTHER_SUPERVISOR = 5,
};

/* How sessions are kept. */
struct viv_session_config {
    /* memory: (also NULL), sqlite:/path/file.db, redis://[:password@]host[:port][/db],
     * redis+unix://[:password@]/path.sock[?db=N]. Memory forgets all at the end. */
    const char *store_url;
    /* The file of the 32 bytes that seal what is stored, made where it is
     * absent; NULL: only with memory. Supervisors that share a store share it. */
    const char *store_key_path;
    const char *const *store_old_key_paths; /* keys of before; NULL-terminated, may be NULL */
    /* This supervisor's name towards others of the same store; unique among
     * live ones, and the same after a restart, so that it need not wait for its
     * own leases. NULL: one that nobody else has, and that no restart brings back. */
    const char *node;
    unsigned max;                /* sessions in use at a time, warm or about to be; default 256 */
    unsigned resident_max;       /* held by a warm worker at a time; default half of workers_max */
    int64_t idle_timeout_ns;     /* default of a session, default 1 h */
    int64_t idle_timeout_max_ns; /* ceiling, default 30 days */
    /* Stored bytes: each session counts 4 KiB beside its snapshot, so these bound
     * the number of sessions, too. 0: no limit. */
    uint64_t tenant_bytes_max; /* per tenant; default 1 GiB */
    uint64_t memory_bytes_max; /* in memory:, of all tenants; default 1 GiB */
    int64_t lease_ns; /* how long others wait after a crash; 0: 1 min with Redis, else 10 min */
};

/* Longest name of a profile, in bytes; most profiles, the default one included. */
#define VIV_PROFILE_MAX 63
#define VIV_PROFILES_MAX 32

/* What a worker shares with others. */
enum viv_isolation {
    /* Cloned from its profile's zygote, as all of them: one address layout, one
     * hash seed, and the pages of what was imported. */
    VIV_ISOLATION_FORK = 0,
    /* From a zygote of its own, freshly exec'ed and used once: nothing of these. It
     * costs that zygote's start and memory for each worker. */
    VIV_ISOLATION_EXEC,
};

/* A kind of worker: what it has imported, sees and may reach. Each has a zygote of
 * its own, and so its own memory for what it imports. Lists are NULL-terminated,
 * and may be NULL. */
struct viv_profile {
    const char *name; /* [A-Za-z0-9._:-] */
    /* Modules that its zygote imports; one that can't be imported fails the start. */
    const char *const *preload;
    /* Folders and files of the machine that its workers see at the same place,
     * read-only, beside what Python needs. A supervisor that is root opens them as
     * nobody. None of /tmp, /proc, /dev and /sys. */
    const char *const *read_only_paths;
    /* "NAME=VALUE", over what workers have. PYTHONPATH is heeded. */
    const char *const *environment;
    /* Its workers share the supervisor's network: what listens on loopback or is
     * reached from this machine alone, a metadata address for one, is open to
     * them. Only IPv4 and IPv6, TCP and UDP; the layer network_namespace is absent. */
    bool network;
    unsigned workers_warm; /* as in viv_config */
    /* Of all its workers, whosever they are. */
    enum viv_isolation isolation;
};

struct viv_config {
    /* The worker binary. NULL: $VIVARIUM_WORKER, else "vivarium-worker" beside
     * this executable, else ../lib/vivarium/vivarium-worker from there, else its
     * place in a Bazel build tree. */
    const char *worker_path;
    /* Modules that the zygote imports before it clones; NULL-terminated, may be
     * NULL. One that can't be imported fails the start. */
    const char *const *preload;
    unsigned workers_warm; /* pristine workers kept ready (the floor); default 4 */
    unsigned workers_max;  /* workers of all profiles at a time, the ceiling; default 32 */
    /* Beside the profile "default", which requests get that name none. That one is
     * made of `preload` and `workers_warm`, unless it is among these. */
    const struct viv_profile *profiles;
    size_t profile_count;
    unsigned queue_max;   /* executions that wait for a worker; default 1024 */
    unsigned tenants_max; /* that have executions at a time; default 1024 */
    /* What an execution costs its tenant at least, however short it is: a worker
     * was made for it. One that is above all wall limits shares by number of
     * executions and not by time. Default 1 ms. */
    int64_t execution_cost_min_ns;
    uint64_t request_bytes_max; /* code, stdin and scope of one request together; default 64 MiB */
    /* Of all requests that are queued or running; default 512 MiB. Past it
     * viv_submit() answers VIV_RESOURCE_EXHAUSTED. */
    uint64_t request_bytes_total;
    uint64_t result_bytes_max; /* what a worker may answer, output excluded; default 64 MiB */
    struct viv_limits defaults;
    struct viv_limits ceilings;
    struct viv_session_config sessions;
    /* What the kernel holds over all workers of one tenant, waiting ones
     * included, where the table of tenants says nothing else, and how much of a
     * processor each worker gets, in thousandths; by control groups only. 0: no
     * such ceiling. */
    uint64_t tenant_memory_bytes;
    uint32_t tenant_pids;
    uint32_t tenant_cpu_millis;
    uint32_t worker_cpu_millis;
    /* Layers that this machine may lack, as a mask (viv_layer_find()); default
     * 0: one that is missing fails the start. UINT64_MAX: any. */
    uint64_t allow_absent;
    /* viv_submit() may do the reactor's work on the caller's thread, which saves an
     * execution a wake-up. Callbacks, of this and of other executions, then also
     * run inside viv_submit(), still one at a time: the caller holds no lock that a
     * callback takes. Default false. */
    bool callers_run;
    /* How long an execution may be held up by an output callback that said no (see
     * viv_callbacks); 0: until a limit ends it. Default 60 s. */
    int64_t output_stall_ns;
};

/* Sets every field to the embedded default (docs: vivarium.proto, Limits). */
void viv_config_init(struct viv_config *config);

/* Whether viv_supervisor_create() would take it, as far as it can be told from
 * the values alone. Pure. Errors: VIV_INVALID_ARGUMENT. */
int viv_config_check(const struct viv_config *config, struct viv_error *err);

/* Starts the zygotes and waits until all can clone, 30 s at most. `config` and
 * what it points to are copied. On success the caller owns *ret_supervisor and
 * ends it with viv_supervisor_destroy(). Errors: VIV_INVALID_ARGUMENT for a
 * configuration that contradicts itself, VIV_FAILED_PRECONDITION where the
 * machine lacks something (the text says what and how to get it). */
int viv_supervisor_create(const struct viv_config *config, struct viv_supervisor **ret_supervisor,
                          struct viv_error *err);

/* Kills every worker, ends every execution that is left (they get their
 * callbacks, before this returns), joins the reactor and frees everything.
 * NULL is fine. */
void viv_supervisor_destroy(struct viv_supervisor *supervisor);

enum viv_request_kind {
    VIV_REQUEST_EXECUTE = 0,
    VIV_REQUEST_OPEN_SESSION, /* with the scope, if any, as its names */
    VIV_REQUEST_GET_SCOPE,    /* of a session; answered in the body as with return_scope */
    VIV_REQUEST_SET_SCOPE,    /* of a session; in place of the names it has */
};

/* What one tenant may use. A tenant that is not in the table is treated as the
 * entry "default" says, each one by itself; where that is missing it gets
 * VIV_PERMISSION_DENIED. */
struct viv_tenant_config {
    const char *tenant;
    unsigned weight;            /* its share while there is too little for all: 1 to 10000 */
    unsigned running;           /* executions that run at a time; at least 1 */
    unsigned queued;            /* executions that wait */
    double rate;                /* executions a second; 0: any */
    unsigned burst;             /* how many may come at once; at least 1 */
    uint64_t memory_bytes;      /* memory_bytes of the executions that run, together; 0: any */
    uint64_t request_bytes;     /* of its requests that are queued or run, together */
    unsigned sessions;          /* in use at a time, as viv_session_config.max */
    unsigned resident_sessions; /* held by a warm worker at a time */
    uint64_t stored_bytes;      /* of its sessions: snapshots, and 4 KiB each; 0: any */
    /* Names of the profiles that it may use, NULL-terminated; NULL: "default" alone. */
    const char *const *profiles;
    /* What the kernel holds over all of its workers, as viv_config.tenant_...; 0:
     * no such ceiling. What a new table says holds from its next execution. */
    uint64_t group_memory_bytes;
    uint32_t group_pids;
    uint32_t group_cpu_millis;
    /* Of its workers in every profile; with FORK as the profile says. What a new
     * table says holds for the workers that are started from then on. */
    enum viv_isolation isolation;
    struct viv_limits defaults;
    struct viv_limits ceilings;
};

/* Sets every field to what a supervisor with this configuration does where
 * nothing was set: `tenant` to "default". */
void viv_tenant_config_init(struct viv_tenant_config *tenant, const struct viv_config *config);

#define VIV_MEMORY_PARTS 5

struct viv_memory_part {
    const char *name; /* static */
    uint64_t bytes;
};

/* The most memory that a supervisor with this configuration and this table of
 * tenants takes in its own process, by what it is for. Pure. */
void viv_memory_bound(const struct viv_config *config, const struct viv_tenant_config *tenants,
                      size_t count, struct viv_memory_part ret_parts[VIV_MEMORY_PARTS]);

/* Whether a table would be taken. Pure. Errors: VIV_INVALID_ARGUMENT. */
int viv_tenants_check(const struct viv_tenant_config *tenants, size_t count, struct viv_error *err);

/* Replaces the table, which begins with one entry, "default", as
 * viv_tenant_config_init() sets it. All of it is copied. What runs or waits
 * goes on, under the limits that it was submitted with, also where its tenant is
 * not in the new table. Errors: VIV_INVALID_ARGUMENT, VIV_RESOURCE_EXHAUSTED;
 * the old table stays. */
int viv_supervisor_set_tenants(struct viv_supervisor *supervisor,
                               const struct viv_tenant_config *tenants, size_t count,
                               struct viv_error *err);

/* As vivarium.v1.ProfileRequest and TraceRequest, resolved: 0 means off. */
struct viv_observe {
    int64_t profile_interval_ns;
    uint32_t trace_lines;
    bool trace_libraries;
};

#define VIV_PROFILE_INTERVAL_MIN_NS INT64_C(1000000)
#define VIV_PROFILE_INTERVAL_MAX_NS INT64_C(1000000000)
#define VIV_TRACE_LINES_MAX 1000000u

struct viv_request {
    enum viv_request_kind kind;
    const char *tenant;       /* NULL: "default" */
    const char *execution_id; /* NULL or "": generated */
    /* Run in this session; NULL or "": in none. Its executions run one at a
     * time, in the order in which they were submitted. */
    const char *session_id; /* with OPEN_SESSION, NULL or "": generated */
    /* NULL or "": "default". A session keeps the one that it was opened with, so
     * none is named with it. */
    const char *worker_profile;
    int64_t idle_timeout_ns;        /* with OPEN_SESSION; 0: the default */
    enum viv_durability durability; /* with OPEN_SESSION; 0: on eviction */
    const char *code;
    size_t code_len;
    const char *filename; /* NULL or "": "<execution>" */
    const void *stdin_data;
    size_t stdin_len;
    /* A serialized vivarium.v1.ScopeSnapshot to begin with, or to set; not for an
     * execution in a session. Only the worker looks into it. */
    const void *scope;
    size_t scope_len;
    bool return_scope;          /* answer with the scope as the code leaves it */
    struct viv_observe observe; /* what else the body is to answer */
    struct viv_limits limits;
    /* The caller's deadline; 0: none. Where it comes before the wall limit, it
     * is the limit, and the cause is VIV_CAUSE_DEADLINE. */
    int64_t deadline_ns;
    bool cancel_on_output_limit;
    enum viv_priority priority; /* among the tenant's own */
    /* Held up for output_stall_ns, it loses its output callback and goes on; else it
     * is cancelled. */
    bool outlives_reader;
};

/* A cancel's receipt; times since the execution began, at least 1, 0: it did
 * not come to that. As vivarium.v1.Cancellation. */
struct viv_receipt {
    enum viv_cause cause;
    enum viv_delivery delivery;
    char reason[257];
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

struct viv_usage {
    int64_t queue_ns;
    int64_t wall_ns;
    int64_t user_cpu_ns;
    int64_t system_cpu_ns;
    uint64_t peak_memory_bytes;
    uint64_t steps;
    uint64_t stdout_bytes; /* read, dropped ones included */
    uint64_t stderr_bytes;
};

/* With VIV_OUTCOME_WORKER_DIED. */
struct viv_death {
    int signal;      /* 0: none */
    int exit_status; /* -1: none */
    char text[160];
};

/* The session's part of a result. As vivarium.v1.SessionState. */
struct viv_session_state {
    const char *session_id;
    enum viv_restored_from restored_from; /* NONE: the warm worker had it */
    int64_t snapshot_age_ns;              /* of what was restored; -1: there was none */
    bool saved;
    const char *save_error; /* NULL: none */
};

struct viv_result {
    const char *execution_id;
    enum viv_outcome outcome;
    /* The worker's part: a serialized vivarium.v1.ExecuteResponse that holds
     * none but the fields result, result_repr, error, scope, manifest and
     * restore_manifest. Checked: well-formed, valid UTF-8, bounded depth.
     * Serialized messages merge by being joined end to end, so a service writes
     * it out as it is, with a message of the other fields behind it. */
    const uint8_t *body;
    size_t body_len;
    const uint8_t *stdout_data;
    size_t stdout_len;
    const uint8_t *stderr_data;
    size_t stderr_len;
    bool stdout_truncated;
    bool stderr_truncated;
    int exit_status; /* -1: no SystemExit */
    struct viv_usage usage;
    const struct viv_receipt *receipt;       /* NULL: no cancel was asked for */
    const struct viv_session_state *session; /* NULL: in none */
    struct viv_death death;
    uint64_t layers;              /* what the kernel enforced; names by viv_layer_name() */
    uint64_t absent;              /* what it did not, as allow_absent has it */
    enum viv_isolation isolation; /* of the worker that it ran on */
};

/* What becomes of a submitted execution. Exactly one of finished and rejected
 * is called, once, as the last of its callbacks; a NULL one is skipped. */
struct viv_callbacks {
    /* The code is about to run. */
    void (*started)(void *arg, const char *execution_id);
    /* Output as it is written. Return false to stop the reading of this
     * execution's output until viv_resume_output(). After output_stall_ns without
     * that it is cancelled with VIV_CAUSE_CLIENT_GONE, or told no more: its worker
     * is not to be had by reading nothing. Nor does it hold up a cancel: from then on
     * the output is read, and who has said no, or says it then, is told no more. The
     * result has it all. */
    bool (*output)(void *arg, enum viv_stream stream, const void *data, size_t len);
    void (*finished)(void *arg, const struct viv_result *result);
    /* It did not run: VIV_ALREADY_EXISTS, VIV_NOT_FOUND (no such session),
     * VIV_RESOURCE_EXHAUSTED, VIV_UNAVAILABLE, VIV_DEADLINE_EXCEEDED, VIV_INTERNAL; a
     * scope that is none: VIV_INVALID_ARGUMENT; a session whose profile is not here
     * or no longer the tenant's: VIV_PERMISSION_DENIED. */
    void (*rejected)(void *arg, const struct viv_error *error);
};

/* Hands an execution to the supervisor. What `request` points to is copied;
 * `callbacks` is copied too; `arg` must live until finished or rejected. On
 * success *ret_ticket (may be NULL) is set before any callback runs. On failure
 * no callback is ever called. Errors: VIV_INVALID_ARGUMENT,
 * VIV_PERMISSION_DENIED for a tenant or a profile that may not be used, and
 * VIV_RESOURCE_EXHAUSTED or VIV_UNAVAILABLE where that is known at once. */
int viv_submit(struct viv_supervisor *supervisor, const struct viv_request *request,
               const struct viv_callbacks *callbacks, void *arg, viv_ticket *ret_ticket,
               struct viv_error *err);

/* Goes on reading an execution's output. Late calls do nothing; one that is made
 * while the output callback has yet to return false is not lost. */
void viv_resume_output(struct viv_supervisor *supervisor, viv_ticket ticket);

/* Cancels by ticket, for a caller that knows why its execution lost its
 * audience. Late calls do nothing. `reason` may be NULL: the text of the cause. */
void viv_cancel_ticket(struct viv_supervisor *supervisor, viv_ticket ticket, enum viv_cause cause,
                       const char *reason);

struct viv_cancel {
    const char *tenant; /* NULL: "default" */
    const char *execution_id;
    const char *reason; /* NULL or at most 256 bytes */
    bool force;         /* SIGKILL at once */
    bool wait;          /* answer when it has ended */
};

/* Called once: `receipt` is NULL unless `wait` found an execution. */
typedef void viv_cancel_done(void *arg, enum viv_cancel_state state,
                             const struct viv_receipt *receipt);

/* Cancels by name. An unknown name is remembered for 10 s and hits the
 * execution that is submitted under it. `cancel` is copied. */
int viv_cancel(struct viv_supervisor *supervisor, const struct viv_cancel *cancel,
               viv_cancel_done *done, void *arg, struct viv_error *err);

/* Closes a session and forgets its scope: an execution that runs is cancelled
 * with VIV_CAUSE_SESSION_CLOSED, as are those that wait; exit functions of its
 * code run, for at most cleanup_grace. `done` gets NULL when nothing of it is
 * left, VIV_NOT_FOUND where there was none, VIV_RESOURCE_EXHAUSTED where it is only in the
 * store and the tenant has as many sessions in use as it may. */
typedef void viv_session_done(void *arg, const struct viv_error *error);

int viv_session_close(struct viv_supervisor *supervisor, const char *tenant, const char *session_id,
                      viv_session_done *done, void *arg, struct viv_error *err);

struct viv_session_info {
    const char *session_id;
    int64_t opened_realtime_ns;    /* CLOCK_REALTIME */
    int64_t last_used_realtime_ns; /* CLOCK_REALTIME */
    int64_t idle_timeout_ns;
    enum viv_durability durability;
    const char *profile;
    bool resident;
    uint64_t snapshot_bytes;  /* in the store */
    const char *execution_id; /* that runs; "": none */
};

/* `error` is NULL, or the store's, or VIV_RESOURCE_EXHAUSTED with a time to ask again: 16
 * lists of one tenant are asked for at a time, 64 in all. */
typedef void viv_sessions_done(void *arg, const struct viv_session_info *sessions, size_t count,
                               const struct viv_error *error);

/* The tenant's sessions, in the store or in use, by name; NULL tenant: "default". */
int viv_session_list(struct viv_supervisor *supervisor, const char *tenant, viv_sessions_done *done,
                     void *arg, struct viv_error *err);

struct viv_execution_info {
    const char *execution_id;
    const char *session_id; /* "": none */
    const char *filename;
    enum viv_execution_state state;
    int64_t submitted_realtime_ns; /* CLOCK_REALTIME */
    int64_t running_ns;            /* 0 while queued */
    uint64_t memory_bytes;         /* of its processes, now; 0: not known */
};

typedef void viv_list_done(void *arg, const struct viv_execution_info *executions, size_t count);

/* The tenant's executions, oldest first; NULL tenant: "default". */
int viv_list(struct viv_supervisor *supervisor, const char *tenant, viv_list_done *done, void *arg,
             struct viv_error *err);

struct viv_profile_info {
    const char *name;
    const char *const *preload; /* NULL-terminated */
    bool network;
    uint64_t layers;
    uint64_t absent;
    enum viv_isolation isolation; /* of the tenant's workers */
};

struct viv_description {
    const char *vm;  /* "CPython 3.11.2" */
    uint64_t layers; /* of the default profile */
    uint64_t absent;
    const struct viv_profile_info *profiles; /* that the tenant may use */
    size_t profile_count;
    struct viv_tenant_config quotas; /* of the tenant that was asked about */
    struct viv_limits defaults;      /* what a request of its gets that asks for nothing */
    /* Workers, and executions that wait for one, of all tenants. */
    unsigned idle;
    unsigned busy;
    unsigned starting;
    unsigned queued;
    /* The tenant's own: executions that run and that wait. */
    unsigned own_running;
    unsigned own_queued;
    unsigned workers_max;
    unsigned queue_max;
    uint64_t request_bytes_max;
    bool draining;
    enum viv_isolation isolation; /* of the tenant's workers, in the default profile */
};

typedef void viv_describe_done(void *arg, const struct viv_description *description);

/* NULL tenant: "default". Errors: VIV_PERMISSION_DENIED for a tenant that may not
 * use it. */
int viv_describe(struct viv_supervisor *supervisor, const char *tenant, viv_describe_done *done,
                 void *arg, struct viv_error *err);

enum viv_stats_state { /* of a worker */
                       VIV_STATS_STARTING,
                       VIV_STATS_IDLE,
                       VIV_STATS_BUSY,
                       VIV_STATS_ENDING,
                       VIV_STATS_STATES
};

#define VIV_STATS_BUCKETS 12

/* What sessions ask of their store; names by viv_stats_store_name(). */
#define VIV_STATS_STORE_OPERATIONS 7

struct viv_stats_histogram {
    /* How many took at most viv_stats_bound(i), and longer than the bound before. */
    uint64_t buckets[VIV_STATS_BUCKETS];
    uint64_t sum_ns;
};

/* What monitoring asks for. The first ones are as of now, the others counted
 * since the supervisor was created. */
struct viv_stats {
    uint64_t workers[VIV_STATS_STATES];
    uint64_t workers_max;
    uint64_t queued;
    uint64_t queue_max;
    uint64_t running;
    uint64_t starts_failed; /* workers that never became ready */
    uint64_t convicted;     /* workers killed because they broke the protocol */
    uint64_t zygote_starts; /* 1 for each profile, and 1 for each time one died */
    uint64_t oom_kills;     /* processes of executions that the kernel killed for memory */
    struct viv_stats_histogram clone; /* from asking the zygote to having a process */
    struct viv_stats_histogram start; /* from there to its being ready */
    struct {
        struct viv_stats_histogram time;
        uint64_t failed; /* of these; that nothing was found is no failure */
    } store[VIV_STATS_STORE_OPERATIONS];
};

/* Takes no lock and asks no thread: the numbers may be a moment apart. */
void viv_stats(const struct viv_supervisor *supervisor, struct viv_stats *ret_stats);

/* Nanoseconds; INT64_MAX for the last bucket. */
int64_t viv_stats_bound(unsigned bucket);

/* "load", "put" and so on. Static. */
const char *viv_stats_store_name(unsigned operation);

/* Stops taking executions (VIV_UNAVAILABLE) and rejects those that are queued;
 * gives the running ones `grace_ns`, then cancels them with VIV_CAUSE_DRAIN. The
 * scopes of all sessions go to the store. Calls `done` when nothing is left. May be called again, with a shorter grace for
 * instance: each `done` is called. */
int viv_drain(struct viv_supervisor *supervisor, int64_t grace_ns, void (*done)(void *arg),
              void *arg, struct viv_error *err);

/* For a program that has a loop of its own: where that hears the workers as well, an answer
 * has no way to go from thread to thread. viv_drive_begin() returns a descriptor that can be read
 * (poll(2)) while there is something to do; it stays the supervisor's and is for nothing
 * else. viv_drive() does what there is, on the calling thread, and doesn't wait for more:
 * callbacks run inside it as they do inside viv_submit() (callers_run). The reactor's own thread
 * keeps the times. A loop that hangs for a while delays answers by some 20 ms at most; without
 * callers_run, what is asked for meanwhile waits for it.
 * viv_drive_end(): the reactor's thread does all again. None of the three from a callback. */
int viv_drive_begin(struct viv_supervisor *supervisor);
void viv_drive(struct viv_supervisor *supervisor);
void viv_drive_end(struct viv_supervisor *supervisor);

/* "user_namespace" and so on; NULL past the last. Bit `layer` of a `layers`
 * mask. Static. */
const char *viv_layer_name(unsigned layer);

/* The other way round: the one bit. VIV_INVALID_ARGUMENT: there is no such layer. */
int viv_layer_find(const char *name, uint64_t *ret_mask, struct viv_error *err);

/* The name as the contract has it, "WALL_TIME"; "UNSPECIFIED" for others.
 * Static. */
const char *viv_cause_name(enum viv_cause cause);
const char *viv_outcome_name(enum viv_outcome outcome);

#ifdef __cplusplus
}
#endif

#endif
