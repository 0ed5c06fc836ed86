/* What callers ask of sessions beside executions. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/clock.h"
#include "supervisor/limits.h"
#include "supervisor/session.h"
#include "supervisor/session_quota.h"
#include "supervisor/supervisor.h"

/* --- closing --------------------------------------------------------------------- */

static void cancel_all(struct session *session)
{
    for (struct execution *e = session->first, *next; e; e = next) {
        next = e->next_queued;
        cancel_execution(e, VIV_CAUSE_SESSION_CLOSED, NULL, false);
    }
    if (session->turn && !execution_is_own(session->turn))
        cancel_execution(session->turn, VIV_CAUSE_SESSION_CLOSED, NULL, false);
}

static void close_session(struct viv_supervisor *s, struct command *command)
{
    struct session_closer *c = (struct session_closer *)command;
    struct session *session = session_find(s, c->tenant, c->id);
    struct viv_error error;

    if (!session && !s->draining)
        session = session_new(s, c->tenant, c->id);
    if (!session) {
        if (s->draining)
            viv_fail(&error, VIV_UNAVAILABLE, "the supervisor is draining: ask another one");
        else
            session_quota_full(s, &error);
        c->done(c->arg, &error);
        free(c);
        return;
    }
    c->next = session->closers;
    session->closers = c;
    session->closing = true;
    cancel_all(session);
    session_step(session);
}

int viv_session_close(struct viv_supervisor *supervisor, const char *tenant, const char *session_id,
                      viv_session_done *done, void *arg, struct viv_error *err)
{
    struct session_closer *c;

    if (!tenant)
        tenant = "default";
    if (!session_id)
        session_id = "";
    if (limits_check_id("the tenant", tenant, err) < 0 ||
        limits_check_id("session_id", session_id, err) < 0)
        return -1;
    c = calloc(1, sizeof(*c));
    if (!c)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    c->command.run = close_session;
    strncpy(c->tenant, tenant, VIV_ID_MAX);
    strncpy(c->id, session_id, VIV_ID_MAX);
    c->done = done;
    c->arg = arg;
    inbox_post(&supervisor->inbox, &c->command);
    return 0;
}

/* --- listing: what the store has, then what is known here beyond that -------------- */

struct listing {
    struct store_task base;
    struct command command; /* there and back */
    struct viv_supervisor *supervisor;
    char tenant[VIV_ID_MAX + 1];
    struct store_cursor cursor;
    viv_sessions_done *done;
    void *arg;
    struct viv_session_info *infos;
    size_t count, capacity;
    bool no_memory;
};

static void free_info(const struct viv_session_info *info)
{
    free((char *)info->session_id);
    free((char *)info->profile);
}

static void free_listing(struct listing *l)
{
    for (size_t i = 0; i < l->count; i++)
        free_info(&l->infos[i]);
    free(l->infos);
    free(l);
}

static void add_stored(void *arg, const char *session, const struct store_meta *meta,
                       const struct viv_error *damage)
{
    struct listing *l = arg;
    struct viv_session_info *infos = l->infos;
    char *id, *profile;

    if (!meta || l->no_memory)
        return;
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : 64;

        infos = realloc(infos, capacity * sizeof(*infos));
        if (infos) {
            l->infos = infos;
            l->capacity = capacity;
        }
    }
    id = infos ? strdup(session) : NULL;
    profile = infos ? strdup(meta->profile) : NULL;
    if (!id || !profile) {
        free(id);
        free(profile);
        l->no_memory = true;
        return;
    }
    l->infos[l->count++] = (struct viv_session_info){
        .session_id = id,
        .opened_realtime_ns = meta->opened_ns,
        .last_used_realtime_ns = meta->last_used_ns,
        .idle_timeout_ns = meta->idle_timeout_ns,
        .durability = (enum viv_durability)meta->durability,
        .profile = profile,
        .snapshot_bytes = meta->snapshot_bytes,
        .execution_id = "",
    };
}

static int run_listing(struct store_task *base, struct store *store, struct viv_error *err)
{
    struct listing *l = (struct listing *)base;

    if (store_list(store, l->tenant, &l->cursor, add_stored, l, err) < 0)
        return -1;
    return l->no_memory ? viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory") : 0;
}

static void listing_done(struct store_task *base)
{
    struct listing *l = (struct listing *)base;

    inbox_post(&l->supervisor->inbox, &l->command);
}

static void add_known(const struct viv_supervisor *s, struct viv_session_info *info,
                      const struct session *session)
{
    int64_t unused_ns = clock_now() - session->used_ns;

    info->resident = session->worker != NULL;
    info->last_used_realtime_ns = session->turn ? clock_realtime() : clock_realtime() - unused_ns;
    if (session->turn && session->turn->kind == EXECUTION_CODE)
        info->execution_id = session->turn->name.id;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct viv_session_info *)a)->session_id,
                  ((const struct viv_session_info *)b)->session_id);
}

/* Redis may have told one twice, and it may have been opened anew meanwhile. */
static void sort_once(struct listing *l)
{
    size_t kept = 0;

    if (l->count == 0)
        return;
    qsort(l->infos, l->count, sizeof(*l->infos), by_name);
    for (size_t i = 1; i < l->count; i++) {
        if (by_name(&l->infos[i], &l->infos[kept]) == 0)
            free_info(&l->infos[i]);
        else
            l->infos[++kept] = l->infos[i];
    }
    l->count = kept + 1;
}

static void ask_list(struct viv_supervisor *s, struct command *command);

static void tell_list(struct viv_supervisor *s, struct command *command)
{
    struct listing *l = (struct listing *)((char *)command - offsetof(struct listing, command));

    session_store_came_back(s);
    if (l->base.result == 0 && !l->cursor.over) {
        ask_list(s, command);
        return;
    }
    if (l->base.result < 0) {
        l->done(l->arg, NULL, 0, &l->base.error);
        free_listing(l);
        return;
    }
    sort_once(l);
    for (size_t i = 0; i < l->count; i++) {
        const struct session *session = session_find(s, l->tenant, l->infos[i].session_id);

        if (session && session->loaded)
            add_known(s, &l->infos[i], session);
    }
    l->done(l->arg, l->infos, l->count, NULL);
    free_listing(l);
}

/* For the next part: what else waits for the store comes between. */
static void ask_list(struct viv_supervisor *s, struct command *command)
{
    struct listing *l = (struct listing *)((char *)command - offsetof(struct listing, command));
    struct viv_error error;

    l->command.run = tell_list;
    if (!s->stopping && session_store_submit(s, &l->base, &error) == 0)
        return;
    if (s->stopping)
        viv_fail(&error, VIV_UNAVAILABLE, "the supervisor is ending");
    l->done(l->arg, NULL, 0, &error);
    free_listing(l);
}

int viv_session_list(struct viv_supervisor *supervisor, const char *tenant, viv_sessions_done *done,
                     void *arg, struct viv_error *err)
{
    struct listing *l;

    if (!tenant)
        tenant = "default";
    if (limits_check_id("the tenant", tenant, err) < 0)
        return -1;
    l = calloc(1, sizeof(*l));
    if (!l)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    l->base.run = run_listing;
    l->base.done = listing_done;
    l->command.run = ask_list;
    l->supervisor = supervisor;
    l->done = done;
    l->arg = arg;
    strncpy(l->tenant, tenant, VIV_ID_MAX);
    inbox_post(&supervisor->inbox, &l->command);
    return 0;
}
