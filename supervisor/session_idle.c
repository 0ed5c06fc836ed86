/* Sessions that nobody uses at the moment: whose worker may be taken, and what
 * time does to them. */
#include <stddef.h>
#include <string.h>

#include "supervisor/clock.h"
#include "supervisor/session.h"
#include "supervisor/supervisor.h"

/* How long one that no worker holds stays here: another supervisor can't have
 * it meanwhile, but who uses it again need not wait for the store. */
#define LINGER_NS INT64_C(5000000000)

/* How long one whose scope could not be saved is not asked for its worker again. */
#define TRY_AGAIN_NS INT64_C(10000000000)

void session_idle_add(struct session *session)
{
    struct sessions *t = session->supervisor->sessions;

    if (session->idle)
        return;
    session->idle = true;
    session->newer = NULL;
    session->older = t->newest_idle;
    if (session->older)
        session->older->newer = session;
    else
        t->oldest_idle = session;
    t->newest_idle = session;
}

void session_idle_remove(struct session *session)
{
    struct sessions *t = session->supervisor->sessions;

    if (!session->idle)
        return;
    session->idle = false;
    if (session->older)
        session->older->newer = session->newer;
    else
        t->oldest_idle = session->newer;
    if (session->newer)
        session->newer->older = session->older;
    else
        t->newest_idle = session->older;
}

/* What could not be saved may be in a while: the store is back, or the tenant has made
 * room. */
static bool may_leave(const struct session *session, int64_t now_ns)
{
    return !session->leaving && (!session->unsavable || now_ns - session->tried_ns >= TRY_AGAIN_NS);
}

bool session_evict_one(struct viv_supervisor *s, const char *tenant)
{
    struct session *session = s->sessions->oldest_idle;
    int64_t now_ns = clock_now();

    while (session &&
           (!may_leave(session, now_ns) || (tenant && strcmp(session->name.tenant, tenant) != 0)))
        session = session->newer;
    if (!session)
        return false;
    session_set_unsavable(session, false);
    session_begin_leaving(session);
    session_step(session);
    return true;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool in_use(const struct session *session)
{
    return session->turn || session->first || session->task.kind != SESSION_TASK_NONE;
}

static int64_t idle_end(const struct session *session)
{
    int64_t timeout = session->meta.idle_timeout_ns, at;

    if (timeout == 0 || __builtin_add_overflow(session->used_ns, timeout, &at))
        return INT64_MAX;
    return at;
}

/* Before the lease is over: what runs takes time to be killed, the more so on a
 * busy machine, and the next holder begins as soon as it may. */
static int64_t lease_end(const struct session *session)
{
    return session->lease.until_ns - session->supervisor->sessions->store.lease_ns / 6;
}

void session_timer(struct session *session)
{
    struct timers *timers = &session->supervisor->timers;
    int64_t at = INT64_MAX;

    if (session->loaded && !session->lost)
        at = earlier(session->renew_at_ns, lease_end(session));
    if (session->loaded && !in_use(session) && !session->closing) {
        at = earlier(at, idle_end(session));
        if (!session->worker && !session->leaving)
            at = earlier(at, session->used_ns + LINGER_NS);
    }
    if (at == INT64_MAX)
        timers_stop(timers, &session->timer);
    else
        timers_set(timers, &session->timer, at);
}

/* At a third of the time that the lease lasts: two more tries before it is over. */
static void renew(struct session *session, int64_t now_ns)
{
    struct viv_supervisor *s = session->supervisor;

    session->renew_at_ns = now_ns + s->sessions->store.lease_ns / 3;
    if (session->renewal.kind != SESSION_TASK_NONE || session->task.kind == SESSION_TASK_DELETE ||
        session->task.kind == SESSION_TASK_LEAVE)
        return;
    session->renewal.kind = SESSION_TASK_RENEW;
    if (session_store_ask(s, session, &session->renewal, NULL) < 0)
        session->renewal.kind = SESSION_TASK_NONE;
}

void session_timer_fired(struct timer *timer, int64_t now_ns)
{
    struct session *session = (struct session *)((char *)timer - offsetof(struct session, timer));

    if (session->loaded && !session->lost && now_ns >= lease_end(session)) {
        session_lease_lost(session);
        return;
    }
    if (session->loaded && !session->lost && now_ns >= session->renew_at_ns)
        renew(session, now_ns);
    if (!in_use(session) && now_ns >= idle_end(session))
        session->closing = true;
    else if (!in_use(session) && !session->worker && now_ns >= session->used_ns + LINGER_NS)
        session->leaving = true;
    session_step(session);
}
