/* The end of a session, as callers ask for it. */
#include <stdlib.h>
#include <string.h>

#include "supervisor/limits.h"
#include "supervisor/session.h"
#include "supervisor/session_quota.h"
#include "supervisor/supervisor.h"

static void cancel_all(struct session *session)
{
    for (struct execution *e = session->first, *next; e; e = next) {
        next = e->next_queued;
        cancel_execution(e, VIV_CAUSE_SESSION_CLOSED, NULL, false);
    }
    if (session->turn && !execution_is_own(session->turn))
        cancel_execution(session->turn, VIV_CAUSE_SESSION_CLOSED, NULL, false);
}

/* For one that is only in the store. */
static struct session *slot_to_close(struct viv_supervisor *s, const struct session_closer *c,
                                     struct viv_error *err)
{
    struct session *session = NULL;

    if (s->draining)
        viv_fail(err, VIV_UNAVAILABLE, "the supervisor is draining: ask another one");
    else if (session_quota_check(s, c->tenant, err) == 0 &&
             !(session = session_new(s, c->tenant, c->id)))
        session_quota_full(s, err);
    return session;
}

static void close_session(struct viv_supervisor *s, struct command *command)
{
    struct session_closer *c = (struct session_closer *)command;
    struct session *session = session_find(s, c->tenant, c->id);
    struct viv_error error;

    if (!session)
        session = slot_to_close(s, c, &error);
    if (!session) {
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
