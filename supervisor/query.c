/* Questions about the state, answered on the reactor. */
#include <stdlib.h>
#include <string.h>

#include "supervisor/clock.h"
#include "supervisor/limits.h"
#include "supervisor/profile.h"
#include "supervisor/supervisor.h"

struct query_command {
    struct command command;
    char tenant[VIV_ID_MAX + 1];
    struct viv_tenant_config rules; /* with describe; without what it points to */
    bool allowed[VIV_PROFILES_MAX]; /* of the profiles */
    viv_list_done *list_done;
    viv_describe_done *describe_done;
    void *arg;
};

static enum viv_execution_state state_of(const struct execution *e)
{
    if (e->phase == EXECUTION_QUEUED || e->phase == EXECUTION_WAITING)
        return VIV_EXECUTION_QUEUED;
    if (e->cancel.cause != VIV_CAUSE_NONE)
        return VIV_EXECUTION_CANCELLING;
    return VIV_EXECUTION_RUNNING;
}

/* The tenant's own, so that how long it takes says nothing of others'. */
static const struct tenant_executions *executions_of(struct viv_supervisor *s, const char *tenant)
{
    static struct tenant_executions none = TAILQ_HEAD_INITIALIZER(none);
    const struct tenant *t;

    pthread_mutex_lock(&s->inbox.lock);
    t = tenants_find(&s->tenants, tenant);
    if (t && !t->known)
        t = NULL; /* its first one is still on its way here */
    pthread_mutex_unlock(&s->inbox.lock);
    return t ? &t->executions : &none;
}

static void list(struct viv_supervisor *s, struct command *command)
{
    struct query_command *q = (struct query_command *)command;
    const struct tenant_executions *all = executions_of(s, q->tenant);
    struct viv_execution_info *infos;
    size_t most = 0, count = 0;
    int64_t now = clock_now();
    struct execution *e;

    TAILQ_FOREACH(e, all, of_tenant)
        most++;
    infos = calloc(most + 1, sizeof(*infos));
    TAILQ_FOREACH(e, all, of_tenant) {
        if (e->kind != EXECUTION_CODE || !infos)
            continue;
        infos[count++] = (struct viv_execution_info){
            .execution_id = e->name.id,
            .session_id = e->session_id,
            .filename = e->filename,
            .state = state_of(e),
            .submitted_realtime_ns = e->submitted_realtime_ns,
            .running_ns = e->began_ns ? now - e->began_ns : 0,
            .memory_bytes = e->worker ? enforce_memory_now(e->worker) : 0,
        };
    }
    q->list_done(q->arg, infos, count);
    free(infos);
    free(q);
}

static enum viv_isolation isolation_of(const struct zygote *z,
                                       const struct viv_tenant_config *rules)
{
    return profile_has_exec(z->profile, rules) ? VIV_ISOLATION_EXEC : VIV_ISOLATION_FORK;
}

/* Those that may be used; returns how many. */
static size_t list_profiles(const struct viv_supervisor *s, const struct query_command *q,
                            struct viv_profile_info ret[VIV_PROFILES_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < s->zygote_count; i++) {
        const struct zygote *z = &s->zygotes[i];

        if (q->allowed[i])
            ret[count++] = (struct viv_profile_info){.name = z->profile->name,
                                                     .preload = z->profile->preload,
                                                     .network = z->profile->network,
                                                     .layers = z->layers,
                                                     .absent = z->absent,
                                                     .isolation = isolation_of(z, &q->rules)};
    }
    return count;
}

static void count_own(struct viv_supervisor *s, const char *tenant, struct viv_description *d)
{
    struct execution *e;

    TAILQ_FOREACH(e, executions_of(s, tenant), of_tenant) {
        if (e->phase == EXECUTION_RUNNING)
            d->own_running++;
        else if (e->phase == EXECUTION_QUEUED || e->phase == EXECUTION_WAITING)
            d->own_queued++;
    }
}

static void describe(struct viv_supervisor *s, struct command *command)
{
    struct query_command *q = (struct query_command *)command;
    const struct viv_limits nothing_asked = {0};
    struct viv_profile_info profiles[VIV_PROFILES_MAX];
    struct viv_description d = {
        .vm = s->zygotes[0].vm,
        .layers = s->zygotes[0].layers,
        .absent = s->zygotes[0].absent,
        .isolation = isolation_of(&s->zygotes[0], &q->rules),
        .profiles = profiles,
        .profile_count = list_profiles(s, q, profiles),
        .quotas = q->rules,
        .idle = s->idle_count,
        .busy = s->busy_count,
        .starting = s->starting_count,
        .queued = s->fair.queued + s->parked_count,
        .workers_max = s->config.workers_max,
        .queue_max = s->config.queue_max,
        .request_bytes_max = s->config.request_bytes_max,
        .draining = s->draining,
    };

    d.quotas.tenant = q->tenant;
    count_own(s, q->tenant, &d);
    /* Who made the table has checked that a request gets something. */
    limits_resolve(&nothing_asked, &q->rules.defaults, &q->rules.ceilings, &d.defaults, NULL);
    q->describe_done(q->arg, &d);
    free(q);
}

static int post(struct viv_supervisor *s, const struct query_command *query, struct viv_error *err)
{
    struct query_command *q = malloc(sizeof(*q));

    if (!q)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    *q = *query;
    inbox_post(&s->inbox, &q->command);
    return 0;
}

int viv_list(struct viv_supervisor *supervisor, const char *tenant, viv_list_done *done, void *arg,
             struct viv_error *err)
{
    struct query_command q = {.command.run = list, .list_done = done, .arg = arg};

    if (!tenant)
        tenant = "default";
    if (limits_check_id("the tenant", tenant, err) < 0)
        return -1;
    strncpy(q.tenant, tenant, VIV_ID_MAX);
    return post(supervisor, &q, err);
}

/* As they are now: what follows this call's return may find other ones. */
static int take_rules(struct viv_supervisor *s, struct query_command *q, struct viv_error *err)
{
    const struct viv_tenant_config *rules;

    pthread_mutex_lock(&s->inbox.lock);
    rules = tenants_rules_of(&s->tenants, q->tenant);
    if (rules) {
        q->rules = *rules;
        q->rules.profiles = NULL;
        for (size_t i = 0; i < s->zygote_count; i++)
            q->allowed[i] = profile_allowed(rules, s->profiles[i].name);
    }
    pthread_mutex_unlock(&s->inbox.lock);
    return rules ? 0 : tenants_fail_unknown(q->tenant, err);
}

int viv_describe(struct viv_supervisor *supervisor, const char *tenant, viv_describe_done *done,
                 void *arg, struct viv_error *err)
{
    struct query_command q = {.command.run = describe, .describe_done = done, .arg = arg};

    if (!tenant)
        tenant = "default";
    if (limits_check_id("the tenant", tenant, err) < 0)
        return -1;
    strncpy(q.tenant, tenant, VIV_ID_MAX);
    return take_rules(supervisor, &q, err) < 0 ? -1 : post(supervisor, &q, err);
}
