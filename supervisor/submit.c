/* The way in, from any thread: checks, a place from the pool, the inbox. */
#include <inttypes.h>
#include <stdlib.h>

#include "supervisor/clock.h"
#include "supervisor/limits.h"
#include "supervisor/profile.h"
#include "supervisor/submit.h"
#include "supervisor/supervisor.h"

/* The low bits of a ticket are the place, from 1; the high ones count its uses. */
viv_ticket submit_next_ticket(const struct viv_supervisor *s, const struct execution *e)
{
    uint64_t place = (uint64_t)(e - s->executions) + 1;

    return ((e->coming_ticket >> 20) + 1) << 20 | place;
}

static int check_room(struct viv_supervisor *s, uint64_t bytes, struct viv_error *err)
{
    const struct pace *pace = &s->tenants.pace;

    if (!s->free_executions)
        viv_fail(err, VIV_RESOURCE_EXHAUSTED,
                 "%zu executions run and wait, the most there may be: try again later",
                 s->place_count);
    else if (s->request_bytes > s->config.request_bytes_total ||
             bytes > s->config.request_bytes_total - s->request_bytes)
        viv_fail(err, VIV_RESOURCE_EXHAUSTED,
                 "the requests that run and wait hold %" PRIu64 " bytes, of %" PRIu64
                 " there may be: try again later",
                 s->request_bytes, s->config.request_bytes_total);
    else
        return 0;
    return viv_retry_after(err, pace_delay(pace, s->tenants.places, clock_now()));
}

/* Of one in a session, that is found out in its turn. */
static int find_profile(const struct viv_supervisor *s, const struct viv_request *request,
                        const struct viv_tenant_config *rules, size_t *ret_profile,
                        struct viv_error *err)
{
    *ret_profile = 0;
    if (request->session_id && *request->session_id && request->kind != VIV_REQUEST_OPEN_SESSION)
        return 0;
    return profile_resolve(s->profiles, s->zygote_count, rules, request->worker_profile,
                           ret_profile, err);
}

/* The limits of the request are resolved as its tenant's are. */
static int admit(struct viv_supervisor *s, const struct viv_request *request, uint64_t bytes,
                 struct tenant **ret_tenant, size_t *ret_profile, struct viv_limits *ret_limits,
                 struct viv_error *err)
{
    const char *tenant = request->tenant ? request->tenant : "default";
    int64_t now = clock_now();

    if (s->refusing)
        return viv_fail(err, VIV_UNAVAILABLE, "the supervisor is draining: ask another one");
    if (tenants_check(&s->tenants, tenant, bytes, &request->limits, now, ret_tenant, ret_limits,
                      err) < 0 ||
        find_profile(s, request, (*ret_tenant)->rules, ret_profile, err) < 0 ||
        check_room(s, bytes, err) < 0)
        return -1;
    return tenants_take(&s->tenants, *ret_tenant, bytes, now, err);
}

/* NULL: refused. */
static struct execution *take_place(struct viv_supervisor *s, const struct viv_request *request,
                                    uint64_t bytes, struct viv_limits *ret_limits,
                                    struct viv_error *err)
{
    struct execution *e = NULL;
    struct tenant *tenant;
    size_t profile;

    pthread_mutex_lock(&s->inbox.lock);
    if (admit(s, request, bytes, &tenant, &profile, ret_limits, err) == 0) {
        e = s->free_executions;
        s->free_executions = e->next_queued;
        s->request_bytes += bytes;
        e->tenant = tenant;
        e->zygote = &s->zygotes[profile];
        e->exec = profile_has_exec(e->zygote->profile, tenant->rules);
        e->charged_bytes = bytes;
    }
    pthread_mutex_unlock(&s->inbox.lock);
    return e;
}

void submit_charge(struct viv_supervisor *s, int64_t bytes)
{
    pthread_mutex_lock(&s->inbox.lock);
    s->request_bytes += (uint64_t)bytes;
    pthread_mutex_unlock(&s->inbox.lock);
}

void submit_settle(struct viv_supervisor *s, struct execution *e)
{
    if (!e->tenant)
        return;
    pthread_mutex_lock(&s->inbox.lock);
    tenants_drop(&s->tenants, e->tenant, e->charged_bytes, clock_now());
    pthread_mutex_unlock(&s->inbox.lock);
    e->tenant = NULL;
}

void submit_release(struct viv_supervisor *s, struct execution *e)
{
    uint64_t bytes = e->charged_bytes;

    submit_settle(s, e);
    pthread_mutex_lock(&s->inbox.lock);
    e->next_queued = s->free_executions;
    s->free_executions = e;
    s->request_bytes -= bytes;
    pthread_mutex_unlock(&s->inbox.lock);
}

int viv_submit(struct viv_supervisor *s, const struct viv_request *request,
               const struct viv_callbacks *callbacks, void *arg, viv_ticket *ret_ticket,
               struct viv_error *err)
{
    struct viv_limits limits;
    struct execution *e;
    uint64_t bytes;

    if (limits_check_request(request, s->config.request_bytes_max, err) < 0 ||
        limits_check_session(request, &s->config.sessions, err) < 0)
        return -1;
    bytes = request->code_len + request->stdin_len + request->scope_len;
    e = take_place(s, request, bytes, &limits, err);
    if (!e)
        return -1;
    if (execution_fill(e, request, &limits, callbacks, arg, err) < 0) {
        submit_release(s, e);
        return -1;
    }
    e->coming_ticket = submit_next_ticket(s, e);
    if (ret_ticket)
        *ret_ticket = e->coming_ticket;
    e->submitted.run = schedule_submitted;
    reactor_call(s, &e->submitted);
    return 0;
}

struct resume_command {
    struct command command;
    viv_ticket ticket;
};

static void resume(struct viv_supervisor *s, struct command *command)
{
    struct resume_command *r = (struct resume_command *)command;
    struct execution *e = schedule_find(s, r->ticket);

    if (e)
        schedule_resume(e);
    free(r);
}

void viv_resume_output(struct viv_supervisor *supervisor, viv_ticket ticket)
{
    struct resume_command *r = calloc(1, sizeof(*r));

    if (!r)
        return; /* the wall limit still ends it */
    r->command.run = resume;
    r->ticket = ticket;
    inbox_post(&supervisor->inbox, &r->command);
}
