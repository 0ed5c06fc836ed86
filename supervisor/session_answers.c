/* What the store said, and what follows. */
#include <stdio.h>
#include <stdlib.h>

#include "supervisor/clock.h"
#include "supervisor/session.h"
#include "supervisor/session_quota.h"
#include "supervisor/submit.h"
#include "supervisor/supervisor.h"

#define RENEW_AGAIN_NS INT64_C(1000000000)

/* In words for who asked for the session. */
static void explain(const struct session *session, const struct viv_error *why,
                    struct viv_error *ret_error)
{
    if (why->status == VIV_NOT_FOUND)
        viv_fail(ret_error, VIV_NOT_FOUND, "there is no session %s: OpenSession opens one",
                 session->name.id);
    else if (why->status == VIV_FAILED_PRECONDITION)
        viv_fail(ret_error, VIV_UNAVAILABLE,
                 "session %s is in use by another supervisor: ask that one, or try again later",
                 session->name.id);
    else
        *ret_error = *why;
}

/* Another life of ours wrote it, another supervisor, or we ourselves. */
static enum viv_restored_from written_by(const struct session *session)
{
    const struct session_store *store = &session->supervisor->sessions->store;
    const struct store_meta *meta = &session->meta;

    if (meta->executions == 0 && meta->snapshot_bytes == 0)
        return VIV_RESTORED_FROM_NONE;
    if (meta->life == store->life)
        return VIV_RESTORED_FROM_EVICTION;
    return meta->node == store->node_hash ? VIV_RESTORED_FROM_RESTART
                                          : VIV_RESTORED_FROM_OTHER_SUPERVISOR;
}

static bool idle_too_long(const struct store_meta *meta)
{
    int64_t end;

    return meta->idle_timeout_ns > 0 &&
           !__builtin_add_overflow(meta->last_used_ns, meta->idle_timeout_ns, &end) &&
           clock_realtime() >= end;
}

/* Where there is no room for it, it stays in the store, and who waits is told. */
static void take_snapshot(struct session *session, struct session_task *task)
{
    struct viv_error error;

    session->meta = task->meta;
    session_drop_snapshot(session);
    if (session_quota_snapshot(session, task->found_len, &error) < 0) {
        free(task->found);
        task->found = NULL;
        session_reject_waiting(session, &error);
        return;
    }
    session->snapshot = (struct blob){.data = task->found, .len = task->found_len};
    task->found = NULL;
    submit_charge(session->supervisor, (int64_t)session->snapshot.len);
}

static void not_loaded(struct session *session, const struct viv_error *why)
{
    struct viv_error error;

    explain(session, why, &error);
    session_reject_waiting(session, &error);
    session_free(session, &error);
}

/* OPEN made the session, so it is the first of its line, unless it has been cancelled. */
static bool is_being_opened(const struct session *session)
{
    return session->first && session->first->kind == EXECUTION_OPEN;
}

static void loaded(struct session *session, struct session_task *task, enum session_task_kind kind)
{
    struct viv_error error;

    if (task->base.result < 0) {
        not_loaded(session, &task->base.error);
        return;
    }
    session->loaded = true;
    session->lease = task->lease;
    session->used_ns = clock_now();
    session->renew_at_ns = session->used_ns + session->supervisor->sessions->store.lease_ns / 3;
    take_snapshot(session, task);
    session->executions = session->meta.executions;
    if (kind == SESSION_TASK_CREATE) {
        if (!is_being_opened(session))
            session_not_opened(session);
    } else if (idle_too_long(&session->meta)) {
        viv_fail(&error, VIV_NOT_FOUND, "session %s was idle for too long and is closed",
                 session->name.id);
        session_reject_waiting(session, &error);
        session->closing = true;
    } else {
        session->restore_from = written_by(session);
    }
    session_step(session);
}

static void fetched(struct session *session, struct session_task *task)
{
    if (task->base.result < 0 && task->base.error.status == VIV_NOT_FOUND) {
        session_lease_lost(session); /* somebody has deleted it */
        return;
    }
    if (task->base.result < 0)
        session_reject_waiting(session, &task->base.error);
    else
        take_snapshot(session, task);
    session_step(session);
}

static void saved(struct session *session, struct session_task *task)
{
    struct execution *e = session->turn;
    bool ours = task->base.error.status != VIV_FAILED_PRECONDITION;

    if (task->base.result == 0) {
        session->meta = task->meta;
        session->dirty = false;
        session_set_unsavable(session, false);
        e->session_state.saved = true;
    } else {
        snprintf(e->save_error, sizeof(e->save_error), "%s", task->base.error.text);
    }
    if (!ours)
        session_lease_lost(session);
    schedule_finish(session->supervisor, e, NULL, NULL);
}

static void renewed(struct session *session, struct session_task *task)
{
    enum viv_status status = task->base.error.status;

    if (task->base.result < 0 && (status == VIV_FAILED_PRECONDITION || status == VIV_NOT_FOUND)) {
        session_lease_lost(session);
        return;
    }
    if (task->base.result == 0)
        session->lease.until_ns = task->lease.until_ns;
    else
        session->renew_at_ns = clock_now() + RENEW_AGAIN_NS;
    session_step(session);
}

void session_lease_lost(struct session *session)
{
    struct viv_error error;

    session->lost = true;
    viv_fail(&error, VIV_UNAVAILABLE,
             "session %s is no longer this supervisor's: another may have it, ask again",
             session->name.id);
    session_reject_waiting(session, &error);
    if (session->turn && session->turn->phase != EXECUTION_SAVING)
        cancel_execution(session->turn, VIV_CAUSE_SESSION_CLOSED,
                         "the session's lease is lost: another supervisor may have it", true);
    else
        session_step(session);
}

void session_stored(struct session *session, struct session_task *task)
{
    enum session_task_kind kind = task->kind;

    task->kind = SESSION_TASK_NONE;
    switch (kind) {
    case SESSION_TASK_CREATE:
    case SESSION_TASK_LOAD:
        loaded(session, task, kind);
        break;
    case SESSION_TASK_FETCH:
        fetched(session, task);
        break;
    case SESSION_TASK_PUT:
        saved(session, task);
        break;
    case SESSION_TASK_DELETE:
        session_free(session, task->base.result < 0 ? &task->base.error : NULL);
        break;
    case SESSION_TASK_LEAVE:
        session_forget(session);
        break;
    case SESSION_TASK_RENEW:
        renewed(session, task);
        break;
    case SESSION_TASK_NONE:
        break;
    }
}
