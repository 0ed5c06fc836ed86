#include "supervisor/session_store.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "supervisor/clock.h"
#include "supervisor/session.h"
#include "supervisor/supervisor.h"

#define SWEEP_NS INT64_C(30000000000)
#define SWEEP_SESSIONS 100
#define LEASE_REMOTE_NS INT64_C(60000000000)
#define LEASE_LOCAL_NS INT64_C(600000000000)

static uint64_t random_number(void)
{
    uint64_t n = 0;

    return getrandom(&n, sizeof(n), 0) == sizeof(n) ? n : (uint64_t)clock_realtime();
}

/* FNV-1a: it tells supervisors apart, and guards nothing. */
static uint64_t hash_of(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return h;
}

static void set_identity(struct session_store *s, const char *node)
{
    s->life = random_number();
    if (node)
        snprintf(s->node, sizeof(s->node), "%s", node);
    else
        snprintf(s->node, sizeof(s->node), "%016llx", (unsigned long long)s->life);
    s->node_hash = hash_of(s->node);
}

int session_store_open(struct session_store *s, const struct viv_session_config *c,
                       uint64_t snapshot_bytes_max, struct viv_error *err)
{
    const struct store_config config = {
        .url = c->store_url,
        .key_path = c->store_key_path,
        .old_key_paths = c->store_old_key_paths,
        .snapshot_bytes_max = snapshot_bytes_max,
        .tenant_bytes_max = c->tenant_bytes_max,
        .memory_bytes_max = c->memory_bytes_max,
    };
    bool remote = c->store_url && strncmp(c->store_url, "redis", 5) == 0;

    set_identity(s, c->node);
    s->lease_ns = c->lease_ns ? c->lease_ns : remote ? LEASE_REMOTE_NS : LEASE_LOCAL_NS;
    if (store_open(&config, &s->store, err) < 0)
        return -1;
    /* A task of each kind for each session may wait: only bytes are short. */
    return store_thread_start(s->store, 2 * c->max + 1024, SESSION_STORE_WAITING_BYTES, &s->thread,
                              err);
}

void session_store_close(struct session_store *s)
{
    store_thread_stop(s->thread);
    store_close(s->store);
    s->thread = NULL;
    s->store = NULL;
}

/* --- on the thread -------------------------------------------------------- */

static int acquire(struct session_task *t, struct store *store, struct viv_error *err)
{
    return store_acquire(store, &t->key, t->owner, t->ttl_ns, &t->lease, err);
}

/* Nobody has had that session: it may be opened once more. */
static bool is_unanswered(const struct session_store *s, const struct store_meta *there)
{
    if (there->life != s->life || there->executions > 0 || there->snapshot_bytes > 0)
        return false;
    for (unsigned i = 0; i < SESSION_STORE_UNANSWERED; i++)
        if (s->unanswered[i] == there->opened_ns)
            return true;
    return false;
}

static int create_record(struct session_task *t, struct store *store, struct viv_error *err)
{
    struct session_store *s = &t->supervisor->sessions->store;
    struct store_written written;

    if (store_put(store, &t->key, t->lease.token, &t->meta, NULL, 0, &written, err) == 0) {
        t->meta.generation = written.generation;
        return 0;
    }
    if (err->status == VIV_UNAVAILABLE)
        s->unanswered[s->unanswered_next++ % SESSION_STORE_UNANSWERED] = t->meta.opened_ns;
    return -1;
}

static int create(struct session_task *t, struct store *store, struct viv_error *err)
{
    struct store_meta there = {.generation = 0};
    bool found;

    if (acquire(t, store, err) < 0)
        return -1;
    found = store_get(store, &t->key, 0, &there, NULL, NULL, err) == 0;
    t->meta.generation = there.generation;
    if (found && !is_unanswered(&t->supervisor->sessions->store, &there))
        viv_fail(err, VIV_ALREADY_EXISTS,
                 "session_id %s is open: choose another, or leave it empty", t->key.session);
    else if ((found || err->status == VIV_NOT_FOUND) && create_record(t, store, err) == 0)
        return 0;
    store_release(store, &t->key, t->lease.token, NULL);
    return -1;
}

static int fetch(struct session_task *t, struct store *store, struct viv_error *err)
{
    return store_get(store, &t->key, t->meta.generation, &t->meta, &t->found, &t->found_len, err);
}

static int load(struct session_task *t, struct store *store, struct viv_error *err)
{
    if (acquire(t, store, err) < 0)
        return -1;
    t->meta.generation = 0;
    if (fetch(t, store, err) == 0)
        return 0;
    store_release(store, &t->key, t->lease.token, NULL);
    return -1;
}

static int put(struct session_task *t, struct store *store, struct viv_error *err)
{
    struct store_written written;

    if (store_put(store, &t->key, t->lease.token, &t->meta, t->bytes, t->len, &written, err) < 0)
        return -1;
    t->meta.generation = written.generation;
    t->meta.snapshot_bytes = t->len;
    return 0;
}

static int delete_record(struct session_task *t, struct store *store, struct viv_error *err)
{
    int rc = store_delete(store, &t->key, t->lease.token, err);

    store_release(store, &t->key, t->lease.token, NULL);
    return rc;
}

static int leave(struct session_task *t, struct store *store, struct viv_error *err)
{
    int rc = t->touch ? store_touch(store, &t->key, t->lease.token, &t->meta, NULL, err) : 0;

    store_release(store, &t->key, t->lease.token, NULL);
    return rc;
}

static int renew(struct session_task *t, struct store *store, struct viv_error *err)
{
    return store_renew(store, &t->key, &t->lease, t->ttl_ns, err);
}

static int run_task(struct store_task *base, struct store *store, struct viv_error *err)
{
    static int (*const runs[])(struct session_task *, struct store *, struct viv_error *) = {
        [SESSION_TASK_CREATE] = create,        [SESSION_TASK_LOAD] = load,
        [SESSION_TASK_FETCH] = fetch,          [SESSION_TASK_PUT] = put,
        [SESSION_TASK_DELETE] = delete_record, [SESSION_TASK_LEAVE] = leave,
        [SESSION_TASK_RENEW] = renew,
    };
    struct session_task *t = (struct session_task *)base;
    int64_t began = clock_now();
    struct viv_error why = {.status = VIV_OK};
    int rc = runs[t->kind](t, store, &why);

    stats_stored(&t->supervisor->stats, t->kind - SESSION_TASK_CREATE, clock_now() - began,
                 rc == 0 || why.status == VIV_NOT_FOUND || why.status == VIV_ALREADY_EXISTS);
    if (rc < 0 && err)
        *err = why;
    return rc;
}

static void task_done(struct store_task *base)
{
    struct session_task *t = (struct session_task *)base;

    inbox_post(&t->supervisor->inbox, &t->command);
}

/* --- on the reactor --------------------------------------------------------- */

int session_store_submit(struct viv_supervisor *s, struct store_task *task, struct viv_error *err)
{
    if (store_thread_submit(s->sessions->store.thread, task, err) < 0)
        return -1;
    s->sessions->store.asked++;
    return 0;
}

void session_store_came_back(struct viv_supervisor *s)
{
    s->sessions->store.asked--;
}

static void come_back(struct viv_supervisor *s, struct command *command)
{
    struct session_task *t =
        (struct session_task *)((char *)command - offsetof(struct session_task, command));

    session_store_came_back(s);
    session_stored(t->session, t);
}

int session_store_ask(struct viv_supervisor *s, struct session *session, struct session_task *t,
                      struct viv_error *err)
{
    struct session_store *store = &s->sessions->store;

    t->base.run = run_task;
    t->base.done = task_done;
    t->base.urgent = t->kind == SESSION_TASK_RENEW;
    t->base.bytes = t->kind == SESSION_TASK_PUT ? t->len + t->beside : 0;
    t->command.run = come_back;
    t->supervisor = s;
    t->session = session;
    t->key = (struct store_key){session->name.tenant, session->name.id};
    t->owner = store->node;
    t->ttl_ns = store->lease_ns;
    t->lease = session->lease;
    t->found = NULL;
    t->found_len = 0;
    return session_store_submit(s, &t->base, err);
}

static int run_sweep(struct store_task *base, struct store *store, struct viv_error *err)
{
    struct session_sweep *w = (struct session_sweep *)base;

    w->count = 0;
    return store_expire(store, clock_realtime(), SWEEP_SESSIONS, NULL, NULL, &w->count, err);
}

static void begin_sweep(struct session_sweep *w)
{
    if (!w->under_way)
        w->under_way = session_store_submit(w->supervisor, &w->base, NULL) == 0;
}

/* More may be due; as a task of its own, so that others get their turn in between. */
static void sweep_over(struct viv_supervisor *s, struct command *command)
{
    struct session_sweep *w = &s->sessions->store.sweep;

    w->under_way = false;
    session_store_came_back(s);
    if (w->count == SWEEP_SESSIONS && !s->stopping)
        begin_sweep(w);
}

static void sweep_done(struct store_task *base)
{
    struct session_sweep *w = (struct session_sweep *)base;

    inbox_post(&w->supervisor->inbox, &w->command);
}

static void sweep(struct timer *timer, int64_t now_ns)
{
    struct session_sweep *w =
        (struct session_sweep *)((char *)timer - offsetof(struct session_sweep, timer));

    timers_set(&w->supervisor->timers, timer, now_ns + SWEEP_NS);
    begin_sweep(w);
}

void session_store_begin_sweeps(struct viv_supervisor *s)
{
    struct session_sweep *w = &s->sessions->store.sweep;

    *w = (struct session_sweep){
        .base = {.run = run_sweep, .done = sweep_done},
        .command.run = sweep_over,
        .supervisor = s,
        .timer.fire = sweep,
    };
    timers_set(&s->timers, &w->timer, clock_now() + SWEEP_NS);
}
