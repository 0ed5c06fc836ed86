/* What happens to a session, one step after the other. */
#include "supervisor/session.h"

#include <stdio.h>
#include <string.h>

#include "proto/wire_check.h"
#include "supervisor/clock.h"
#include "supervisor/profile.h"
#include "supervisor/queue.h"
#include "supervisor/session_next.h"
#include "supervisor/session_quota.h"
#include "supervisor/submit.h"
#include "supervisor/supervisor.h"

#define SCOPE_FIELD 10 /* of ExecuteResponse */

/* --- executions that wait for their turn -------------------------------------- */

static void line_add(struct session *session, struct execution *e, bool first)
{
    session_idle_remove(session);
    e->session = session;
    e->phase = EXECUTION_WAITING;
    e->next_queued = first ? session->first : NULL;
    if (!session->first || !first)
        *session->last = e;
    if (first)
        session->first = e;
    if (!e->next_queued)
        session->last = &e->next_queued;
    queue_aside(session->supervisor, e, +1);
}

void session_unqueue(struct execution *e)
{
    struct session *session = e->session;
    struct execution **at = &session->first;

    while (*at && *at != e)
        at = &(*at)->next_queued;
    if (!*at)
        return;
    *at = e->next_queued;
    if (!*at)
        session->last = at;
    queue_aside(session->supervisor, e, -1);
    e->phase = EXECUTION_UNBORN;
}

static int find_or_make(struct viv_supervisor *s, struct execution *e, struct session **ret,
                        struct viv_error *err)
{
    struct session *session = session_find(s, e->name.tenant, e->session_id);

    if (session && session->closing)
        return viv_fail(err, e->kind == EXECUTION_OPEN ? VIV_ALREADY_EXISTS : VIV_NOT_FOUND,
                        "session %s is being closed", e->session_id);
    if (session && e->kind == EXECUTION_OPEN)
        return viv_fail(err, VIV_ALREADY_EXISTS,
                        "session_id %s is open: choose another, or leave it empty", e->session_id);
    if (!session && session_quota_check(s, e->name.tenant, err) < 0)
        return -1;
    if (!session)
        session = session_new(s, e->name.tenant, e->session_id);
    if (!session) {
        session_evict_one(s, NULL);
        return session_quota_full(s, err);
    }
    *ret = session;
    return 0;
}

static void begin_creating(struct session *session, const struct execution *e)
{
    const char *profile = e->zygote->profile->name;
    const struct viv_session_config *c = &session->supervisor->config.sessions;
    int64_t now = clock_realtime();

    session->creating = true;
    session->meta = (struct store_meta){
        .opened_ns = now,
        .last_used_ns = now,
        .idle_timeout_ns = e->idle_timeout_ns ? e->idle_timeout_ns : c->idle_timeout_ns,
        .durability = e->durability == VIV_DURABILITY_EVERY_EXECUTION ? STORE_EVERY_EXECUTION
                                                                      : STORE_ON_EVICTION,
        .node = session->supervisor->sessions->store.node_hash,
        .life = session->supervisor->sessions->store.life,
    };
    snprintf(session->meta.profile, sizeof(session->meta.profile), "%s", profile);
}

void session_arrive(struct viv_supervisor *s, struct execution *e)
{
    struct session *session = NULL;
    struct viv_error error;

    if (e->session_id[0] == '\0')
        random_id(&s->ids, e->session_id);
    if (find_or_make(s, e, &session, &error) < 0 || !session) {
        schedule_finish(s, e, NULL, &error);
        return;
    }
    if (e->kind == EXECUTION_OPEN)
        begin_creating(session, e);
    line_add(session, e, false);
    schedule_timer(e);
    session_step(session);
}

void session_put_back(struct session *session, struct execution *e)
{
    session->turn = NULL;
    line_add(session, e, true);
    schedule_timer(e);
    session_step(session);
}

/* --- turns ---------------------------------------------------------------------- */

/* Each has a name of its own, so that a traceback through a function of an
 * earlier one shows that one's lines. */
static void count_execution(struct session *session, struct execution *e)
{
    if (e->kind != EXECUTION_CODE)
        return;
    session->executions++;
    execution_number(e, session->executions);
}

static void finish_at_once(struct session *session, struct execution *e)
{
    e->answer.given = true;
    e->answer.exit_status = -1;
    e->answered_ns = clock_now();
    schedule_finish(session->supervisor, e, NULL, NULL);
}

static void state_of_restore(const struct session *session, struct viv_session_state *state)
{
    state->session_id = session->name.id;
    state->snapshot_age_ns = -1;
    if (session->worker)
        return;
    state->restored_from = session->restore_from;
    if (session->meta.snapshot_ns)
        state->snapshot_age_ns = clock_realtime() - session->meta.snapshot_ns;
    if (state->snapshot_age_ns < -1)
        state->snapshot_age_ns = 0;
}

void session_set_unsavable(struct session *session, bool unsavable)
{
    struct sessions *t = session->supervisor->sessions;

    t->pinned += unsavable;
    t->pinned -= session->unsavable;
    session->unsavable = unsavable;
    if (unsavable)
        session->tried_ns = clock_now();
}

void session_begin_leaving(struct session *session)
{
    if (!session->leaving && session->worker)
        session->supervisor->sessions->evicting++;
    session->leaving = true;
}

static void stop_leaving(struct session *session)
{
    if (session->leaving && session->worker)
        session->supervisor->sessions->evicting--;
    session->leaving = false;
}

/* Each time: the tenant may have lost the right to it since. */
static int find_profile(const struct session *session, struct execution *e, struct viv_error *err)
{
    struct viv_supervisor *s = session->supervisor;
    const struct viv_tenant_config *rules;
    size_t index = 0;
    int rc;

    pthread_mutex_lock(&s->inbox.lock);
    rules = tenants_rules_of(&s->tenants, session->name.tenant);
    rc = !rules ? tenants_fail_unknown(session->name.tenant, err)
                : profile_resolve(s->profiles, s->zygote_count, rules, session->meta.profile,
                                  &index, err);
    if (rc == 0) {
        e->zygote = &s->zygotes[index];
        e->exec = profile_has_exec(e->zygote->profile, rules);
    }
    pthread_mutex_unlock(&s->inbox.lock);
    return rc;
}

static void refuse_turns(struct session *session, const struct viv_error *why)
{
    struct viv_error error;

    viv_fail(&error, why->status, "session %s can't go on: %.300s", session->name.id, why->text);
    viv_retry_after(&error, why->retry_after_ns);
    session_reject_waiting(session, &error);
    session->closing |= session->creating;
    session->creating = false;
    session_step(session);
}

/* It leaves a worker nothing to do. */
static bool opens_empty(const struct execution *e)
{
    return e->kind == EXECUTION_OPEN && e->scope_len == 0;
}

static bool needs_worker(const struct session *session, const struct execution *e)
{
    return !session->worker && !opens_empty(e);
}

static void give_turn(struct session *session)
{
    struct viv_supervisor *s = session->supervisor;
    struct execution *e = session->first;
    struct viv_error error;

    if (find_profile(session, e, &error) < 0 ||
        (needs_worker(session, e) && session_quota_pinned(session, &error) < 0)) {
        refuse_turns(session, &error);
        return;
    }
    session_unqueue(e);
    stop_leaving(session);
    session->turn = e;
    e->save = e->kind != EXECUTION_GET_SCOPE && session->meta.durability == STORE_EVERY_EXECUTION;
    count_execution(session, e);
    state_of_restore(session, &e->session_state);
    if (opens_empty(e)) {
        finish_at_once(session, e);
        return;
    }
    e->save |= e->kind == EXECUTION_OPEN;
    if (session->worker) {
        if (queue_may_start(s, e))
            schedule_assign(s, e, session->worker);
        return;
    }
    if (s->sessions->resident >= s->sessions->resident_max + s->sessions->evicting)
        session_evict_one(s, NULL);
    session_quota_evict(session, 1);
    queue_push(s, e);
    pool_assign(s);
}

/* What the session runs for itself takes a place of its own, so that no flood of
 * executions can keep a worker from being freed. */
static void own_turn(struct session *session, enum execution_kind kind)
{
    struct viv_supervisor *s = session->supervisor;
    struct execution *e = session->own;

    session_idle_remove(session);
    execution_fill_own(e, session->name.tenant, kind, &s->config);
    e->ticket = e->coming_ticket = submit_next_ticket(s, e);
    e->session = session;
    e->zygote = session->worker->zygote;
    e->save = kind == EXECUTION_CHECKPOINT;
    session->turn = e;
    schedule_enlist(s, e);
    schedule_assign(s, e, session->worker);
}

struct blob session_snapshot(const struct worker *w, const struct execution *e)
{
    if (!e->session || w->session || e->scope_len > 0)
        return (struct blob){0};
    return e->session->snapshot;
}

void session_began(struct session *session, struct worker *w)
{
    w->session_runs++;
    if (w->session)
        return;
    w->session = session;
    session->worker = w;
    session->restore_from = VIV_RESTORED_FROM_NONE;
    session->supervisor->sessions->resident++;
    session_drop_snapshot(session);
}

void session_lost(struct session *session, enum viv_restored_from how)
{
    struct sessions *t = session->supervisor->sessions;

    session_idle_remove(session);
    if (session->leaving)
        t->evicting--;
    t->resident--;
    session->worker->session = NULL;
    session->worker = NULL;
    session->dirty = false;
    session_set_unsavable(session, false);
    session->restore_from = how;
    if (session->turn && session->turn->held) {
        struct execution *e = session->turn;

        queue_unhold(session->supervisor, e);
        session_put_back(session, e);
    } else if (!session->turn) {
        session_step(session);
    }
}

static void dismiss(struct session *session)
{
    struct worker *w = session->worker;

    session_lost(session, VIV_RESTORED_FROM_EVICTION);
    worker_event(w, WORKER_KILL);
}

static struct store_meta meta_now(const struct session *session)
{
    struct store_meta meta = session->meta;

    meta.last_used_ns = clock_realtime();
    meta.quota_bytes = session_quota_bytes(session);
    meta.executions = session->executions;
    meta.node = session->supervisor->sessions->store.node_hash;
    meta.life = session->supervisor->sessions->store.life;
    return meta;
}

/* Without one the worker could not carry it as a whole. */
static bool has_scope(const struct blob *checkpoint)
{
    const uint8_t *at = checkpoint->data, *end = at + checkpoint->len;
    struct viv_wire_field field;

    while (viv_wire_next(&at, end, &field))
        if (field.number == SCOPE_FIELD)
            return true;
    return false;
}

bool session_save(struct session *session, struct execution *e)
{
    struct session_task *task = &session->task;
    struct viv_error error;

    if (e->kind != EXECUTION_GET_SCOPE && !e->answer.scope_refused && session->worker) {
        session->dirty = true;
        if (!execution_is_own(e)) /* another scope: it may fit now */
            session_set_unsavable(session, false);
    }
    if (!e->answer.checkpoint.data || session->lost)
        return false;
    if (!has_scope(&e->answer.checkpoint)) {
        session_set_unsavable(session, session->worker != NULL);
        snprintf(e->save_error, sizeof(e->save_error),
                 "the scope can't be carried as a whole: GetScope's manifest says why");
        return false;
    }
    task->kind = SESSION_TASK_PUT;
    task->meta = meta_now(session);
    task->meta.snapshot_ns = task->meta.last_used_ns;
    task->bytes = e->answer.checkpoint.data;
    task->len = e->answer.checkpoint.len;
    task->beside = e->answer.body.len + e->output.streams[0].len + e->output.streams[1].len;
    if (session_store_ask(session->supervisor, session, task, &error) < 0) {
        task->kind = SESSION_TASK_NONE;
        snprintf(e->save_error, sizeof(e->save_error), "%s", error.text);
        return false;
    }
    return true;
}

/* What can't be written stays where it is, but not beyond our own end, nor beside more of
 * these than may be. */
static void pin(struct session *session)
{
    struct session *given_up;

    if (session->supervisor->draining)
        return;
    given_up = session_quota_give_up(session);
    if (given_up != session)
        stop_leaving(session);
    if (!given_up)
        return;
    session_begin_leaving(given_up);
    if (given_up != session)
        session_step(given_up);
}

void session_turn_over(struct session *session, enum execution_kind kind, bool done)
{
    session->turn = NULL;
    session->used_ns = clock_now();
    if (kind == EXECUTION_OPEN && done)
        session->creating = false;
    else if (kind == EXECUTION_OPEN)
        session_not_opened(session);
    if (kind == EXECUTION_CHECKPOINT && session->dirty && session->worker)
        session_set_unsavable(session, true);
    if (session->unsavable)
        pin(session);
    session_step(session);
}

/* --- one after the other ----------------------------------------------------------- */

static enum session_next next_of(const struct session *session)
{
    const struct session_facts facts = {
        .storing = session->task.kind != SESSION_TASK_NONE ||
                   session->renewal.kind != SESSION_TASK_NONE,
        .turn = session->turn != NULL,
        .loaded = session->loaded,
        .lost = session->lost,
        .warm = session->worker != NULL,
        .missing = !session->worker && session->meta.snapshot_bytes > 0 && !session->snapshot.data,
        .waiting = session->first != NULL,
        .closing = session->closing,
        .leaving = session->leaving,
        .unsaved = session->dirty && !session->unsavable,
    };

    return session_next(&facts);
}

static void ask(struct session *session, enum session_task_kind kind)
{
    struct session_task *task = &session->task;
    struct viv_error error;

    task->kind = kind;
    task->meta = meta_now(session);
    task->touch = session->executions != session->meta.executions;
    if (session_store_ask(session->supervisor, session, task, &error) == 0)
        return;
    task->base.result = -1;
    task->base.error = error;
    session_stored(session, task);
}

/* Nothing to do: others may take its worker, and time passes. */
static void rest(struct session *session)
{
    struct sessions *t = session->supervisor->sessions;

    if (session->worker && !session->turn && !session->leaving)
        session_idle_add(session);
    if (session->worker)
        session_quota_evict(session, 0);
    if (t->resident > t->resident_max + t->evicting)
        session_evict_one(session->supervisor, NULL);
}

void session_step(struct session *session)
{
    enum session_next next = next_of(session);

    if (session->supervisor->stopping)
        return;
    session_timer(session);
    switch (next) {
    case SESSION_WAIT:
        rest(session);
        break;
    case SESSION_LOAD:
        ask(session, session->creating ? SESSION_TASK_CREATE : SESSION_TASK_LOAD);
        break;
    case SESSION_FETCH:
        ask(session, SESSION_TASK_FETCH);
        break;
    case SESSION_TURN:
        give_turn(session);
        break;
    case SESSION_CHECKPOINT:
        own_turn(session, EXECUTION_CHECKPOINT);
        break;
    case SESSION_FINISH:
        own_turn(session, EXECUTION_END);
        break;
    case SESSION_DISMISS:
        dismiss(session);
        break;
    case SESSION_DELETE:
        ask(session, SESSION_TASK_DELETE);
        break;
    case SESSION_LEAVE:
        ask(session, SESSION_TASK_LEAVE);
        break;
    case SESSION_FORGET:
        session_forget(session);
        break;
    }
}

void session_drain(struct viv_supervisor *s)
{
    for (unsigned i = 0; i < s->sessions->max; i++) {
        struct session *session = &s->sessions->all[i];

        if (!session->used)
            continue;
        session_begin_leaving(session);
        session_set_unsavable(session, false); /* it is tried once more */
        session_step(session);
    }
}
