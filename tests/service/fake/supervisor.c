#include "tests/service/fake/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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
    if (pthread_create(&s->thread, NULL, fake_react, s) != 0)
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
    int64_t left_ms = request->deadline_ns ? (request->deadline_ns - fake_now()) / 1000000 : -1;

    if (request->limits.memory_bytes > UINT64_C(4) << 30)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "limits.memory_bytes: is above the ceiling of 4 GiB");
    e = calloc(1, sizeof(*e));
    fake_copy(e->tenant, sizeof(e->tenant), request->tenant);
    snprintf(e->command, sizeof(e->command), "%.*s", (int)request->code_len, request->code);
    snprintf(e->repr, sizeof(e->repr), "tenant=%s code=%zu stdin=%zu wall=%lld deadline=%lld",
             e->tenant, request->code_len, request->stdin_len,
             (long long)request->limits.wall_time_ns, (long long)left_ms);
    e->deadline_ns = request->deadline_ns ? request->deadline_ns : NEVER;
    e->kind = request->kind;
    fake_copy(e->session, sizeof(e->session), request->session_id ? request->session_id : "");
    if (e->kind == VIV_REQUEST_OPEN_SESSION && !e->session[0])
        fake_copy(e->session, sizeof(e->session), "generated");
    e->callbacks = *callbacks;
    e->arg = arg;
    pthread_mutex_lock(&s->lock);
    e->ticket = ++s->last_ticket;
    pthread_mutex_unlock(&s->lock);
    if (request->execution_id && request->execution_id[0])
        fake_copy(e->id, sizeof(e->id), request->execution_id);
    else
        snprintf(e->id, sizeof(e->id), "fake-%llu", (unsigned long long)e->ticket);
    *ret_ticket = e->ticket;
    fake_post(s, (struct command){.kind = SUBMIT, .execution = e});
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
    fake_post(s, (struct command){.kind = RESUME, .ticket = ticket});
}

void viv_cancel_ticket(struct viv_supervisor *s, viv_ticket ticket, enum viv_cause cause,
                       const char *reason)
{
    fake_post(s, (struct command){.kind = CANCEL_TICKET, .ticket = ticket, .cause = cause});
}

int viv_cancel(struct viv_supervisor *s, const struct viv_cancel *cancel, viv_cancel_done *done,
               void *arg, struct viv_error *err)
{
    struct command c = {.kind = CANCEL, .wait = cancel->wait, .done.cancel = done, .arg = arg};

    fake_copy(c.tenant, sizeof(c.tenant), cancel->tenant);
    fake_copy(c.id, sizeof(c.id), cancel->execution_id);
    fake_copy(c.reason, sizeof(c.reason), cancel->reason ? cancel->reason : "");
    fake_post(s, c);
    return 0;
}

int viv_list(struct viv_supervisor *s, const char *tenant, viv_list_done *done, void *arg,
             struct viv_error *err)
{
    struct command c = {.kind = LIST, .done.list = done, .arg = arg};

    fake_copy(c.tenant, sizeof(c.tenant), tenant);
    fake_post(s, c);
    return 0;
}

int viv_describe(struct viv_supervisor *s, const char *tenant, viv_describe_done *done, void *arg,
                 struct viv_error *err)
{
    struct command c = {.kind = DESCRIBE, .done.describe = done, .arg = arg};

    fake_copy(c.tenant, sizeof(c.tenant), tenant);
    fake_post(s, c);
    return 0;
}

int viv_drain(struct viv_supervisor *s, int64_t grace_ns, void (*done)(void *arg), void *arg,
              struct viv_error *err)
{
    fake_post(
        s, (struct command){.kind = DRAIN, .grace_ns = grace_ns, .done.drain = done, .arg = arg});
    return 0;
}

int viv_session_close(struct viv_supervisor *s, const char *tenant, const char *session_id,
                      viv_session_done *done, void *arg, struct viv_error *err)
{
    struct command c = {.kind = CLOSE, .done.close = done, .arg = arg};

    if (!session_id[0])
        return viv_fail(err, VIV_INVALID_ARGUMENT, "session_id is empty");
    fake_copy(c.id, sizeof(c.id), session_id);
    fake_post(s, c);
    return 0;
}

int viv_session_list(struct viv_supervisor *s, const char *tenant, viv_sessions_done *done,
                     void *arg, struct viv_error *err)
{
    struct command c = {.kind = SESSIONS, .done.sessions = done, .arg = arg};

    fake_copy(c.tenant, sizeof(c.tenant), tenant);
    fake_post(s, c);
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
