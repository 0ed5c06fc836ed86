/* The list of a tenant's sessions: what the store has, then what is known here beyond that. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/clock.h"
#include "supervisor/limits.h"
#include "supervisor/session.h"
#include "supervisor/supervisor.h"

/* Of one tenant's, at a time. */
#define LISTINGS_TENANT_MAX 16
#define RETRY_NS INT64_C(200000000)

struct session_listing {
    struct store_task base;
    struct command command; /* there and back */
    bool begun;
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

static void free_listing(struct session_listing *l)
{
    for (size_t i = 0; i < l->count; i++)
        free_info(&l->infos[i]);
    free(l->infos);
    free(l);
}

static void add_stored(void *arg, const char *session, const struct store_meta *meta,
                       const struct viv_error *damage)
{
    struct session_listing *l = arg;
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

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct viv_session_info *)a)->session_id,
                  ((const struct viv_session_info *)b)->session_id);
}

/* Redis may have told one twice, and it may have been opened anew meanwhile. */
static void sort_once(struct session_listing *l)
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

static int run_listing(struct store_task *base, struct store *store, struct viv_error *err)
{
    struct session_listing *l = (struct session_listing *)base;

    if (store_list(store, l->tenant, &l->cursor, add_stored, l, err) < 0)
        return -1;
    if (l->cursor.over)
        sort_once(l);
    return l->no_memory ? viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory") : 0;
}

static void listing_done(struct store_task *base)
{
    struct session_listing *l = (struct session_listing *)base;

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

static int check_room(const struct session_listings *all, const struct session_listing *l,
                      struct viv_error *err)
{
    unsigned mine = 0;

    for (unsigned i = 0; i < all->count; i++)
        mine += strcmp(all->line[i]->tenant, l->tenant) == 0;
    if (mine < LISTINGS_TENANT_MAX && all->count < SESSION_LISTINGS_MAX)
        return 0;
    viv_fail(err, VIV_RESOURCE_EXHAUSTED, "too many lists of sessions are asked for: retry later");
    return viv_retry_after(err, RETRY_NS);
}

static void leave_line(struct session_listings *all, const struct session_listing *l)
{
    unsigned i = 0;

    while (all->line[i] != l)
        i++;
    all->count--;
    memmove(&all->line[i], &all->line[i + 1], (all->count - i) * sizeof(all->line[0]));
}

/* `error` may be NULL. */
static void end_list(struct viv_supervisor *s, struct session_listing *l,
                     const struct viv_error *error)
{
    leave_line(&s->sessions->listings, l);
    s->sessions->listings.begun -= l->begun;
    l->done(l->arg, error ? NULL : l->infos, error ? 0 : l->count, error);
    free_listing(l);
}

/* The next part: what else waits for the store comes between. */
static void ask_part(struct viv_supervisor *s, struct session_listing *l)
{
    struct viv_error error;

    if (!s->stopping && session_store_submit(s, &l->base, &error) == 0)
        return;
    if (s->stopping)
        viv_fail(&error, VIV_UNAVAILABLE, "the supervisor is ending");
    end_list(s, l, &error);
}

static struct session_listing *listing_of(struct command *command)
{
    return (struct session_listing *)((char *)command - offsetof(struct session_listing, command));
}

static void go_on(struct viv_supervisor *s, struct session_listing *l)
{
    if (l->base.result < 0) {
        end_list(s, l, &l->base.error);
        return;
    }
    if (!l->cursor.over) {
        ask_part(s, l);
        return;
    }
    for (size_t i = 0; i < l->count; i++) {
        const struct session *session = session_find(s, l->tenant, l->infos[i].session_id);

        if (session && session->loaded)
            add_known(s, &l->infos[i], session);
    }
    end_list(s, l, NULL);
}

static bool has_begun(const struct session_listings *all, const char *tenant)
{
    for (unsigned i = 0; i < all->count; i++)
        if (all->line[i]->begun && strcmp(all->line[i]->tenant, tenant) == 0)
            return true;
    return false;
}

static struct session_listing *next_to_begin(const struct session_listings *all)
{
    for (unsigned i = 0; i < all->count; i++)
        /* What has ended is not in the line. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        if (!all->line[i]->begun && !has_begun(all, all->line[i]->tenant))
            return all->line[i];
    return NULL;
}

/* Each grows until its end: so few at a time, and one of a tenant. */
static void begin_more(struct viv_supervisor *s)
{
    struct session_listings *all = &s->sessions->listings;
    struct session_listing *l;

    while (all->begun < SESSION_LISTINGS_BEGUN && (l = next_to_begin(all))) {
        l->begun = true;
        all->begun++;
        ask_part(s, l);
    }
}

static void take_part(struct viv_supervisor *s, struct command *command)
{
    session_store_came_back(s);
    go_on(s, listing_of(command));
    begin_more(s);
}

static void begin_list(struct viv_supervisor *s, struct command *command)
{
    struct session_listings *all = &s->sessions->listings;
    struct session_listing *l = listing_of(command);
    struct viv_error error;

    if (check_room(all, l, &error) < 0) {
        l->done(l->arg, NULL, 0, &error);
        free_listing(l);
        return;
    }
    l->command.run = take_part;
    all->line[all->count++] = l;
    begin_more(s);
}

int viv_session_list(struct viv_supervisor *supervisor, const char *tenant, viv_sessions_done *done,
                     void *arg, struct viv_error *err)
{
    struct session_listing *l;

    if (!tenant)
        tenant = "default";
    if (limits_check_id("the tenant", tenant, err) < 0)
        return -1;
    l = calloc(1, sizeof(*l));
    if (!l)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    l->base.run = run_listing;
    l->base.done = listing_done;
    l->command.run = begin_list;
    l->supervisor = supervisor;
    l->done = done;
    l->arg = arg;
    strncpy(l->tenant, tenant, VIV_ID_MAX);
    inbox_post(&supervisor->inbox, &l->command);
    return 0;
}
