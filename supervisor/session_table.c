/* Which sessions are here. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/clock.h"
#include "supervisor/session.h"
#include "supervisor/submit.h"
#include "supervisor/supervisor.h"

static void make_slots(struct viv_supervisor *s)
{
    struct sessions *t = s->sessions;

    for (unsigned i = t->max; i-- > 0;) {
        struct session *session = &t->all[i];

        session->supervisor = s;
        session->own = &s->executions[s->place_count + i];
        session->own->kind = EXECUTION_CHECKPOINT;
        session->timer.fire = session_timer_fired;
        session->next_free = t->free;
        t->free = session;
    }
}

int sessions_create(struct viv_supervisor *s, struct viv_error *err)
{
    const struct viv_session_config *c = &s->config.sessions;
    struct sessions *t = calloc(1, sizeof(*t));

    s->sessions = t;
    if (!t)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    t->max = c->max;
    t->resident_max = c->resident_max;
    t->all = calloc(t->max, sizeof(*t->all));
    if (!t->all)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory for %u sessions", t->max);
    make_slots(s);
    if (registry_init(&t->registry, t->max, err) < 0 ||
        session_store_open(&t->store, c, s->config.result_bytes_max, err) < 0)
        return -1;
    session_store_begin_sweeps(s);
    return 0;
}

void sessions_destroy(struct viv_supervisor *s)
{
    struct sessions *t = s->sessions;

    if (!t)
        return;
    session_store_close(&t->store);
    for (unsigned i = 0; t->all && i < t->max; i++) {
        blob_free(&t->all[i].snapshot);
        free(t->all[i].task.found);
    }
    registry_free(&t->registry);
    free(t->all);
    free(t);
    s->sessions = NULL;
}

struct session *session_find(struct viv_supervisor *s, const char *tenant, const char *id)
{
    struct name *name = registry_find(&s->sessions->registry, tenant, id);

    return name ? (struct session *)((char *)name - offsetof(struct session, name)) : NULL;
}

struct session *session_new(struct viv_supervisor *s, const char *tenant, const char *id)
{
    struct sessions *t = s->sessions;
    struct session *session = t->free;
    struct execution *own;

    if (!session)
        return NULL;
    t->free = session->next_free;
    t->count++;
    own = session->own;
    *session = (struct session){
        .supervisor = s,
        .used = true,
        .own = own,
        .used_ns = clock_now(),
        .timer.fire = session_timer_fired,
    };
    session->last = &session->first;
    strncpy(session->name.tenant, tenant, VIV_ID_MAX);
    strncpy(session->name.id, id, VIV_ID_MAX);
    registry_add(&t->registry, &session->name);
    return session;
}

void session_drop_snapshot(struct session *session)
{
    submit_charge(session->supervisor, -(int64_t)session->snapshot.len);
    blob_free(&session->snapshot);
}

void session_reject_waiting(struct session *session, const struct viv_error *error)
{
    while (session->first) {
        struct execution *e = session->first;

        session_unqueue(e);
        schedule_finish(session->supervisor, e, NULL, error);
    }
}

void session_not_opened(struct session *session)
{
    struct viv_error error;

    session->creating = false;
    session->closing = true;
    viv_fail(&error, VIV_NOT_FOUND, "session %s was not opened: its OpenSession did not complete",
             session->name.id);
    session_reject_waiting(session, &error);
}

static void tell_closers(struct session *session, const struct viv_error *error)
{
    struct session_closer *c = session->closers;

    session->closers = NULL;
    while (c) {
        struct session_closer *next = c->next;

        c->done(c->arg, error);
        free(c);
        c = next;
    }
}

void sessions_stop(struct viv_supervisor *s)
{
    struct viv_error error;

    viv_fail(&error, VIV_UNAVAILABLE, "the supervisor is ending");
    for (unsigned i = 0; i < s->sessions->max; i++)
        if (s->sessions->all[i].used)
            tell_closers(&s->sessions->all[i], &error);
}

void session_free(struct session *session, const struct viv_error *error)
{
    struct viv_supervisor *s = session->supervisor;
    struct sessions *t = s->sessions;

    timers_stop(&s->timers, &session->timer);
    session_idle_remove(session);
    session_drop_snapshot(session);
    registry_remove(&t->registry, &session->name);
    tell_closers(session, error);
    session->used = false;
    session->next_free = t->free;
    t->free = session;
    t->count--;
    if (s->draining)
        drain_check(s);
}

void session_forget(struct session *session)
{
    if (!session->first && !session->closing) {
        session_free(session, NULL);
        return;
    }
    session_drop_snapshot(session);
    session->meta = (struct store_meta){0};
    session->lease = (struct store_lease){0};
    session->restore_from = VIV_RESTORED_FROM_NONE;
    session->loaded = session->lost = session->leaving = false;
    session_step(session);
}
