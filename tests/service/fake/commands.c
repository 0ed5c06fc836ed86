#include "tests/service/fake/fake.h"

#include <stdlib.h>
#include <string.h>

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
    fake_cancel(e, VIV_CAUSE_CANCEL_RPC, c->reason);
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
        fake_admit(s, c->execution);
    for (struct execution *e = s->executions; e; e = e->next) {
        if (c->kind == RESUME && e->ticket == c->ticket)
            e->paused = false;
        if (c->kind == CANCEL_TICKET && e->ticket == c->ticket)
            fake_cancel(e, c->cause, NULL);
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
        int64_t at = fake_now() + c->grace_ns;

        s->drain_at_ns = s->draining && s->drain_at_ns < at ? s->drain_at_ns : at;
        s->draining = true;
        s->drains[s->drain_count++] = (struct waiter_drain){c->done.drain, c->arg};
    }
    free(c);
}

/* Everything posted, or NULL once `due` has come. */
static struct command *receive(struct viv_supervisor *s, int64_t due, bool *ret_stop)
{
    struct timespec until = {due / 1000000000, due % 1000000000};
    struct command *all;

    pthread_mutex_lock(&s->lock);
    while (!s->inbox && !s->stopping && fake_now() < due)
        pthread_cond_timedwait(&s->posted, &s->lock, &until);
    all = s->inbox;
    s->inbox = NULL;
    s->inbox_end = &s->inbox;
    *ret_stop = s->stopping;
    pthread_mutex_unlock(&s->lock);
    return all;
}

void *fake_react(void *arg)
{
    struct viv_supervisor *s = arg;
    bool stop = false;

    while (!stop) {
        struct command *c = receive(s, fake_step_all(s), &stop);

        while (c) {
            struct command *next = c->next;

            obey(s, c);
            c = next;
        }
    }
    while (s->executions) {
        s->executions->outcome = VIV_OUTCOME_WORKER_DIED;
        fake_finish(s, &s->executions);
    }
    return NULL;
}

void fake_post(struct viv_supervisor *s, struct command command)
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
