/* A stand-in for the supervisor that runs no code: what would be Python is one
 * of these commands. It has a thread of its own, as the real one, and keeps
 * the promises of vivarium.h.
 *
 *     pass              ends at once; result_repr is "ok"
 *     describe          result_repr says what the request was
 *     sleep MS          ends after MS
 *     loop              ends when it is cancelled
 *     stubborn MS       ends MS after it is cancelled, killed
 *     print N SIZE      writes N times SIZE bytes, stopping when told so
 *     result SIZE       result_repr has SIZE bytes
 *     reject            never runs
 *     die               the worker dies of SIGSEGV
 *
 * Of sessions it knows that there is one called "none" that there isn't, and
 * one called "slow", whose scope takes for ever. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "supervisor/vivarium.h"
#include "vivarium/v1/vivarium.pb-c.h"

#define NEVER INT64_MAX
#define FAKE_RUNNING_MAX 4096

struct execution {
    struct execution *next;
    viv_ticket ticket;
    char tenant[VIV_ID_MAX + 1];
    char id[VIV_ID_MAX + 1];
    char command[64];
    enum viv_request_kind kind;
    char session[VIV_ID_MAX + 1];
    char repr[256];
    size_t repr_len;
    long count, size, written;
    struct viv_callbacks callbacks;
    void *arg;
    int64_t began_ns, ends_ns, deadline_ns;
    enum viv_outcome outcome;
    bool started, paused, cancelled;
    struct viv_receipt receipt;
    /* Cancels that wait for its end. */
    struct waiter {
        struct waiter *next;
        viv_cancel_done *done;
        void *arg;
    } * waiters;
};

struct command {
    struct command *next;
    enum { SUBMIT, RESUME, CANCEL_TICKET, CANCEL, LIST, DESCRIBE, DRAIN, CLOSE, SESSIONS } kind;
    struct execution *execution;
    viv_ticket ticket;
    enum viv_cause cause;
    char tenant[VIV_ID_MAX + 1], id[VIV_ID_MAX + 1], reason[257];
    bool wait, force;
    int64_t grace_ns;
    union {
        viv_cancel_done *cancel;
        viv_list_done *list;
        viv_describe_done *describe;
        void (*drain)(void *arg);
        viv_session_done *close;
        viv_sessions_done *sessions;
    } done;
    void *arg;
};

struct viv_supervisor {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t posted;
    struct command *inbox, **inbox_end;
    bool stopping;
    viv_ticket last_ticket;
    struct viv_config config;
    /* The thread's own. */
    struct execution *executions;
    bool draining;
    int64_t drain_at_ns;
    struct waiter_drain {
        void (*done)(void *arg);
        void *arg;
    } drains[4];
    unsigned drain_count;
};

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "default");
}

/* The end of one. */
static void finish(struct viv_supervisor *s, struct execution **link)
{
    struct execution *e = *link;
    Vivarium__V1__ExecuteResponse part = VIVARIUM__V1__EXECUTE_RESPONSE__INIT;
    struct viv_result r = {.execution_id = e->id, .outcome = e->outcome, .exit_status = -1};
    Vivarium__V1__ScopeSnapshot scope = VIVARIUM__V1__SCOPE_SNAPSHOT__INIT;
    Vivarium__V1__ManifestEntry entry = VIVARIUM__V1__MANIFEST_ENTRY__INIT, *entries = &entry;
    Vivarium__V1__Manifest manifest = VIVARIUM__V1__MANIFEST__INIT;
    const struct viv_session_state session = {e->session, VIV_RESTORED_FROM_KILL, 1500000000, false,
                                              "the disk is full"};
    char *big = calloc(1, e->repr_len + 1);
    uint8_t *body;

    memset(big, 'r', e->repr_len);
    scope.format_version = 1;
    entry.name = (char *)"n";
    manifest.n_entries = 1;
    manifest.entries = &entries;
    part.result_repr = e->repr_len > 0 ? big : e->repr;
    if (e->kind != VIV_REQUEST_EXECUTE)
        part.result_repr = (char *)"";
    if (e->kind == VIV_REQUEST_GET_SCOPE) {
        part.scope = &scope;
        part.manifest = &manifest;
    }
    if (e->kind == VIV_REQUEST_SET_SCOPE || e->kind == VIV_REQUEST_OPEN_SESSION)
        part.restore_manifest = &manifest;
    if (e->session[0])
        r.session = &session;
    body = malloc(vivarium__v1__execute_response__get_packed_size(&part));
    r.body = body;
    r.body_len = vivarium__v1__execute_response__pack(&part, body);
    r.usage.wall_ns = now_ns() - e->began_ns;
    r.usage.stdout_bytes = (uint64_t)(e->written * e->size);
    r.layers = 5;
    r.receipt = e->cancelled ? &e->receipt : NULL;
    if (e->outcome == VIV_OUTCOME_WORKER_DIED)
        r.death = (struct viv_death){11, -1, "killed by signal 11 (SIGSEGV)"};
    *link = e->next;
    if (e->callbacks.finished)
        e->callbacks.finished(e->arg, &r);
    while (e->waiters) {
        struct waiter *w = e->waiters;

        e->waiters = w->next;
        w->done(w->arg, VIV_CANCEL_FINISHED, e->cancelled ? &e->receipt : NULL);
        free(w);
    }
    free(body);
    free(big);
    free(e);
}

static void cancel(struct execution *e, enum viv_cause cause, const char *reason)
{
    if (e->cancelled)
        return;
    e->cancelled = true;
    e->outcome = cause == VIV_CAUSE_DEADLINE ? VIV_OUTCOME_WALL_TIME_EXCEEDED
                                             : VIV_OUTCOME_CANCELLED;
    e->receipt.cause = cause;
    e->receipt.delivery = strncmp(e->command, "stubborn", 8) == 0 ? VIV_DELIVERY_KILLED
                                                                  : VIV_DELIVERY_COOPERATIVE;
    e->receipt.requested_ns = now_ns() - e->began_ns + 1;
    copy(e->receipt.reason, sizeof(e->receipt.reason), reason ? reason : "");
    e->ends_ns = now_ns();
    if (strncmp(e->command, "stubborn", 8) == 0)
        e->ends_ns += e->count * 1000000;
    e->count = e->written;
}

static void print_some(struct execution *e)
{
    char *data = malloc((size_t)e->size);

    memset(data, 'x', (size_t)e->size);
    while (e->written < e->count && !e->paused) {
        e->written++;
        e->paused = !e->callbacks.output(e->arg, VIV_STDOUT, data, (size_t)e->size);
    }
    free(data);
    if (e->written == e->count)
        e->ends_ns = now_ns();
}

static void begin(struct execution *e)
{
    e->began_ns = now_ns();
    e->ends_ns = e->began_ns;
    e->outcome = VIV_OUTCOME_COMPLETED;
    e->started = true;
    if (e->callbacks.started)
        e->callbacks.started(e->arg, e->id);
    if (strcmp(e->command, "describe") != 0)
        copy(e->repr, sizeof(e->repr), "ok");
    if (sscanf(e->command, "sleep %ld", &e->count) == 1)
        e->ends_ns += e->count * 1000000;
    else if (sscanf(e->command, "stubborn %ld", &e->count) == 1 || strcmp(e->command, "loop") == 0)
        e->ends_ns = NEVER;
    else if (sscanf(e->command, "print %ld %ld", &e->count, &e->size) == 2)
        e->ends_ns = e->callbacks.output ? NEVER : e->began_ns;
    else if (sscanf(e->command, "result %ld", &e->size) == 1)
        e->repr_len = (size_t)e->size;
    else if (strcmp(e->session, "slow") == 0)
        e->ends_ns = NEVER;
    else if (strcmp(e->session, "dead") == 0 || strcmp(e->command, "die") == 0)
        e->outcome = VIV_OUTCOME_WORKER_DIED;
}

static void admit(struct viv_supervisor *s, struct execution *e)
{
    struct execution **end = &s->executions;
    struct viv_error err = {0};
    unsigned count = 0;

    for (; *end; end = &(*end)->next, count++)
        if (strcmp((*end)->id, e->id) == 0 && strcmp((*end)->tenant, e->tenant) == 0)
            viv_fail(&err, VIV_ALREADY_EXISTS, "execution_id %s is in use", e->id);
    if (s->draining)
        viv_fail(&err, VIV_UNAVAILABLE, "draining");
    else if (strcmp(e->session, "none") == 0)
        viv_fail(&err, VIV_NOT_FOUND, "there is no session none");
    else if (strcmp(e->command, "reject") == 0 || count >= FAKE_RUNNING_MAX)
        viv_fail(&err, VIV_RESOURCE_EXHAUSTED, "the queue is full");
    if (err.status == VIV_OK) {
        *end = e;
        begin(e);
        return;
    }
    e->callbacks.rejected(e->arg, &err);
    free(e);
}

static struct execution *find(struct viv_supervisor *s, const char *tenant, const char *id)
{
    for (struct execution *e = s->executions; e; e = e->next)
        if (strcmp(e->id, id) == 0 && strcmp(e->tenant, tenant) == 0)
            return e;
    return NULL;
}

static void cancel_by_name(struct viv_supervisor *s, const struct command *c)
{
    struct execution *e = find(s, c->tenant, c->id);
    struct waiter *w;

    if (!e) {
        c->done.cancel(c->arg, VIV_CANCEL_NOT_FOUND, NULL);
        return;
    }
    cancel(e, VIV_CAUSE_CANCEL_RPC, c->reason);
    if (!c->wait) {
        c->done.cancel(c->arg, VIV_CANCEL_CANCELLING, NULL);
        return;
    }
    w = malloc(sizeof(*w));
    *w = (struct waiter){e->waiters, c->done.cancel, c->arg};
    e->waiters = w;
}

static void list(struct viv_supervisor *s, const struct command *c)
{
    struct viv_execution_info infos[64];
    size_t count = 0;

    for (struct execution *e = s->executions; e && count < 64; e = e->next)
        if (strcmp(e->tenant, c->tenant) == 0)
            infos[count++] = (struct viv_execution_info){
                e->id, e->session, "<execution>", VIV_EXECUTION_RUNNING, 1500000000, 1, 4096};
    c->done.list(c->arg, infos, count);
}

static void describe(struct viv_supervisor *s, const struct command *c)
{
    struct viv_description d = {.vm = "fake 1.0",
                                .layers = 5,
                                .idle = 7,
                                .queued = 9,
                                .own_running = 3,
                                .own_queued = 2,
                                .workers_max = s->config.workers_max,
                                .queue_max = s->config.queue_max,
                                .draining = s->draining};

    viv_tenant_config_init(&d.quotas, &s->config);
    d.quotas.tenant = c->tenant;
    d.quotas.ceilings.wall_time_ns = INT64_C(3600000000001);
    for (struct execution *e = s->executions; e; e = e->next)
        d.busy++;
    c->done.describe(c->arg, &d);
}

static void close_session(const struct command *c)
{
    struct viv_error err;

    viv_fail(&err, VIV_NOT_FOUND, "there is no session %s", c->id);
    c->done.close(c->arg, strcmp(c->id, "none") == 0 ? &err : NULL);
}

static void list_sessions(const struct command *c)
{
    const struct viv_session_info infos[] = {
        {"a", 1500000000, 2500000000, 0, VIV_DURABILITY_ON_EVICTION, "default", true, 0, "e"},
        {"b", 1500000000, 2500000000, 60000000000, VIV_DURABILITY_EVERY_EXECUTION, "", false, 7,
         ""},
    };

    c->done.sessions(c->arg, infos, strcmp(c->tenant, "empty") == 0 ? 0 : 2, NULL);
}

static void obey(struct viv_supervisor *s, struct command *c)
{
    if (c->kind == SUBMIT)
        admit(s, c->execution);
    for (struct execution *e = s->executions; e; e = e->next) {
        if (c->kind == RESUME && e->ticket == c->ticket)
            e->paused = false;
        if (c->kind == CANCEL_TICKET && e->ticket == c->ticket)
            cancel(e, c->cause, NULL);
    }
    if (c->kind == CANCEL)
        cancel_by_name(s, c);
    if (c->kind == LIST)
        list(s, c);
    if (c->kind == DESCRIBE)
        describe(s, c);
    if (c->kind == CLOSE)
        close_session(c);
    if (c->kind == SESSIONS)
        list_sessions(c);
    if (c->kind == DRAIN) {
        int64_t at = now_ns() + c->grace_ns;

        s->drain_at_ns = s->draining && s->drain_at_ns < at ? s->drain_at_ns : at;
        s->draining = true;
        s->drains[s->drain_count++] = (struct waiter_drain){c->done.drain, c->arg};
    }
    free(c);
}

/* Moves every execution on; returns when the next thing is due. */
static int64_t step_all(struct viv_supervisor *s)
{
    int64_t due = s->draining ? s->drain_at_ns : NEVER;
    struct execution **link = &s->executions;

    if (s->draining && due <= now_ns()) {
        for (struct execution *e = s->executions; e; e = e->next)
            cancel(e, VIV_CAUSE_DRAIN, NULL);
        due = NEVER;
    }
    while (*link) {
        struct execution *e = *link;

        if (e->deadline_ns <= now_ns())
            cancel(e, VIV_CAUSE_DEADLINE, NULL);
        if (e->written < e->count && e->size > 0 && e->callbacks.output && !e->paused)
            print_some(e);
        if (e->ends_ns <= now_ns()) {
            finish(s, link);
            continue;
        }
        due = e->ends_ns < due ? e->ends_ns : due;
        due = !e->cancelled && e->deadline_ns < due ? e->deadline_ns : due;
        link = &e->next;
    }
    if (s->draining && !s->executions)
        while (s->drain_count > 0) {
            s->drain_count--;
            s->drains[s->drain_count].done(s->drains[s->drain_count].arg);
        }
    return due;
}

/* Everything posted, or NULL once `due` has come. */
static struct command *receive(struct viv_supervisor *s, int64_t due, bool *ret_stop)
{
    struct timespec until = {due / 1000000000, due % 1000000000};
    struct command *all;

    pthread_mutex_lock(&s->lock);
    while (!s->inbox && !s->stopping && now_ns() < due)
        pthread_cond_timedwait(&s->posted, &s->lock, &until);
    all = s->inbox;
    s->inbox = NULL;
    s->inbox_end = &s->inbox;
    *ret_stop = s->stopping;
    pthread_mutex_unlock(&s->lock);
    return all;
}

static void *react(void *arg)
{
    struct viv_supervisor *s = arg;
    bool stop = false;

    while (!stop) {
        struct command *c = receive(s, step_all(s), &stop);

        while (c) {
            struct command *next = c->next;

            obey(s, c);
            c = next;
        }
    }
    while (s->executions) {
        s->executions->outcome = VIV_OUTCOME_WORKER_DIED;
        finish(s, &s->executions);
    }
    return NULL;
}

static void post(struct viv_supervisor *s, struct command command)
{
    struct command *c = malloc(sizeof(*c));

    *c = command;
    c->next = NULL;
    pthread_mutex_lock(&s->lock);
    *s->inbox_end = c;
    s->inbox_end = &c->next;
    pthread_cond_signal(&s->posted);
    pthread_mutex_unlock(&s->lock);
}

void viv_memory_bound(const struct viv_config *config, const struct viv_tenant_config *tenants,
                      size_t count, struct viv_memory_part ret_parts[VIV_MEMORY_PARTS])
{
    for (size_t i = 0; i < VIV_MEMORY_PARTS; i++)
        ret_parts[i] = (struct viv_memory_part){.name = ""};
}

int viv_supervisor_create(const struct viv_config *config, struct viv_supervisor **ret_supervisor,
                          struct viv_error *err)
{
    struct viv_supervisor *s = calloc(1, sizeof(*s));
    pthread_condattr_t attr;

    s->config = *config;
    s->inbox_end = &s->inbox;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->posted, &attr);
    if (pthread_create(&s->thread, NULL, react, s) != 0)
        return viv_fail_errno(err, VIV_INTERNAL, "no thread");
    *ret_supervisor = s;
    return 0;
}

int viv_supervisor_set_tenants(struct viv_supervisor *s, const struct viv_tenant_config *tenants,
                               size_t count, struct viv_error *err)
{
    return viv_tenants_check(tenants, count, err);
}

void viv_supervisor_destroy(struct viv_supervisor *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->posted);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->posted);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int viv_submit(struct viv_supervisor *s, const struct viv_request *request,
               const struct viv_callbacks *callbacks, void *arg, viv_ticket *ret_ticket,
               struct viv_error *err)
{
    struct execution *e;
    int64_t left_ms = request->deadline_ns ? (request->deadline_ns - now_ns()) / 1000000 : -1;

    if (request->limits.memory_bytes > UINT64_C(4) << 30)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "limits.memory_bytes: is above the ceiling of 4 GiB");
    e = calloc(1, sizeof(*e));
    copy(e->tenant, sizeof(e->tenant), request->tenant);
    snprintf(e->command, sizeof(e->command), "%.*s", (int)request->code_len, request->code);
    snprintf(e->repr, sizeof(e->repr), "tenant=%s code=%zu stdin=%zu wall=%lld deadline=%lld",
             e->tenant, request->code_len, request->stdin_len,
             (long long)request->limits.wall_time_ns, (long long)left_ms);
    e->deadline_ns = request->deadline_ns ? request->deadline_ns : NEVER;
    e->kind = request->kind;
    copy(e->session, sizeof(e->session), request->session_id ? request->session_id : "");
    if (e->kind == VIV_REQUEST_OPEN_SESSION && !e->session[0])
        copy(e->session, sizeof(e->session), "generated");
    e->callbacks = *callbacks;
    e->arg = arg;
    pthread_mutex_lock(&s->lock);
    e->ticket = ++s->last_ticket;
    pthread_mutex_unlock(&s->lock);
    if (request->execution_id && request->execution_id[0])
        copy(e->id, sizeof(e->id), request->execution_id);
    else
        snprintf(e->id, sizeof(e->id), "fake-%llu", (unsigned long long)e->ticket);
    *ret_ticket = e->ticket;
    post(s, (struct command){.kind = SUBMIT, .execution = e});
    return 0;
}

const char *viv_stats_store_name(unsigned operation)
{
    static const char *const names[VIV_STATS_STORE_OPERATIONS] = {"a", "b", "c", "d",
                                                                  "e", "f", "g"};

    return names[operation];
}

int64_t viv_stats_bound(unsigned bucket)
{
    return bucket < VIV_STATS_BUCKETS - 1 ? 1000 << bucket : INT64_MAX;
}

void viv_stats(const struct viv_supervisor *s, struct viv_stats *ret_stats)
{
    *ret_stats = (struct viv_stats){
        .workers_max = s->config.workers_max, .queue_max = s->config.queue_max, .zygote_starts = 1};
}

void viv_resume_output(struct viv_supervisor *s, viv_ticket ticket)
{
    post(s, (struct command){.kind = RESUME, .ticket = ticket});
}

void viv_cancel_ticket(struct viv_supervisor *s, viv_ticket ticket, enum viv_cause cause,
                       const char *reason)
{
    post(s, (struct command){.kind = CANCEL_TICKET, .ticket = ticket, .cause = cause});
}

int viv_cancel(struct viv_supervisor *s, const struct viv_cancel *cancel, viv_cancel_done *done,
               void *arg, struct viv_error *err)
{
    struct command c = {.kind = CANCEL, .wait = cancel->wait, .done.cancel = done, .arg = arg};

    copy(c.tenant, sizeof(c.tenant), cancel->tenant);
    copy(c.id, sizeof(c.id), cancel->execution_id);
    copy(c.reason, sizeof(c.reason), cancel->reason ? cancel->reason : "");
    post(s, c);
    return 0;
}

int viv_list(struct viv_supervisor *s, const char *tenant, viv_list_done *done, void *arg,
             struct viv_error *err)
{
    struct command c = {.kind = LIST, .done.list = done, .arg = arg};

    copy(c.tenant, sizeof(c.tenant), tenant);
    post(s, c);
    return 0;
}

int viv_describe(struct viv_supervisor *s, const char *tenant, viv_describe_done *done, void *arg,
                 struct viv_error *err)
{
    struct command c = {.kind = DESCRIBE, .done.describe = done, .arg = arg};

    copy(c.tenant, sizeof(c.tenant), tenant);
    post(s, c);
    return 0;
}

int viv_drain(struct viv_supervisor *s, int64_t grace_ns, void (*done)(void *arg), void *arg,
              struct viv_error *err)
{
    post(s, (struct command){.kind = DRAIN, .grace_ns = grace_ns, .done.drain = done, .arg = arg});
    return 0;
}

int viv_session_close(struct viv_supervisor *s, const char *tenant, const char *session_id,
                      viv_session_done *done, void *arg, struct viv_error *err)
{
    struct command c = {.kind = CLOSE, .done.close = done, .arg = arg};

    if (!session_id[0])
        return viv_fail(err, VIV_INVALID_ARGUMENT, "session_id is empty");
    copy(c.id, sizeof(c.id), session_id);
    post(s, c);
    return 0;
}

int viv_session_list(struct viv_supervisor *s, const char *tenant, viv_sessions_done *done,
                     void *arg, struct viv_error *err)
{
    struct command c = {.kind = SESSIONS, .done.sessions = done, .arg = arg};

    copy(c.tenant, sizeof(c.tenant), tenant);
    post(s, c);
    return 0;
}

/* Its callbacks have a thread of their own: there is nothing to drive. */
int viv_drive_begin(struct viv_supervisor *s)
{
    return -1;
}

void viv_drive(struct viv_supervisor *s)
{
}

void viv_drive_end(struct viv_supervisor *s)
{
}
