#include "supervisor/session_quota.h"

#include <string.h>

#include "supervisor/supervisor.h"

#define ANY_BYTES (UINT64_C(1) << 60)

/* A session that nobody uses leaves its place after some seconds. */
#define RETRY_NS INT64_C(1000000000)

struct quota {
    unsigned sessions, resident;
    uint64_t stored_bytes, request_bytes;
};

/* A tenant that is no longer in the table keeps what it has. */
static struct quota quota_of(struct viv_supervisor *s, const char *tenant)
{
    struct quota quota = {s->sessions->max, s->sessions->resident_max, ANY_BYTES,
                          s->config.request_bytes_total};
    const struct viv_tenant_config *rules;

    pthread_mutex_lock(&s->inbox.lock);
    rules = tenants_rules_of(&s->tenants, tenant);
    if (rules) {
        quota = (struct quota){rules->sessions, rules->resident_sessions, rules->stored_bytes,
                               rules->request_bytes};
        if (quota.stored_bytes == 0)
            quota.stored_bytes = ANY_BYTES;
    }
    pthread_mutex_unlock(&s->inbox.lock);
    return quota;
}

static bool is_of(const struct session *session, const char *tenant)
{
    return session->used && strcmp(session->name.tenant, tenant) == 0;
}

static unsigned count_used(const struct viv_supervisor *s, const char *tenant)
{
    unsigned count = 0;

    for (unsigned i = 0; i < s->sessions->max; i++)
        count += is_of(&s->sessions->all[i], tenant);
    return count;
}

/* Those whose worker is not about to be free anyway. */
static unsigned count_resident(const struct viv_supervisor *s, const char *tenant)
{
    unsigned count = 0;

    for (unsigned i = 0; i < s->sessions->max; i++) {
        const struct session *session = &s->sessions->all[i];

        count += session->worker && !session->leaving && is_of(session, tenant);
    }
    return count;
}

int session_quota_check(struct viv_supervisor *s, const char *tenant, struct viv_error *err)
{
    unsigned most = quota_of(s, tenant).sessions;

    if (count_used(s, tenant) < most)
        return 0;
    session_evict_one(s, tenant);
    viv_fail(err, VIV_RESOURCE_EXHAUSTED,
             "%u sessions of the tenant are in use, the most there may be: try again later", most);
    return viv_retry_after(err, RETRY_NS);
}

int session_quota_full(const struct viv_supervisor *s, struct viv_error *err)
{
    viv_fail(err, VIV_RESOURCE_EXHAUSTED,
             "%u sessions are in use, the most there may be: try again later", s->sessions->max);
    return viv_retry_after(err, RETRY_NS);
}

/* Those that keep their workers because their scopes can't be stored. */
static unsigned count_pinned(const struct viv_supervisor *s, const char *tenant)
{
    unsigned count = 0;

    for (unsigned i = 0; i < s->sessions->max; i++) {
        const struct session *session = &s->sessions->all[i];

        count += session->unsavable && is_of(session, tenant);
    }
    return count;
}

int session_quota_pinned(const struct session *session, struct viv_error *err)
{
    struct viv_supervisor *s = session->supervisor;
    unsigned pinned, most;

    if (s->sessions->pinned == 0)
        return 0;
    pinned = count_pinned(s, session->name.tenant);
    most = quota_of(s, session->name.tenant).resident;
    if (pinned == 0 || pinned < most)
        return 0;
    session_evict_one(s, session->name.tenant); /* there may be room by now */
    viv_fail(err, VIV_RESOURCE_EXHAUSTED,
             "%u other sessions of the tenant keep their workers, since their scopes can't be "
             "stored: close them, or delete what is too large",
             pinned);
    return viv_retry_after(err, RETRY_NS);
}

/* Of the tenant that has most of them: this one, or one that is idle. NULL: they are all
 * running, and judged when they have ended. */
static struct session *heaviest_pinned(struct session *session)
{
    struct viv_supervisor *s = session->supervisor;
    unsigned most = count_pinned(s, session->name.tenant), count;
    struct session *heaviest = session;

    for (unsigned i = 0; i < s->sessions->max; i++) {
        struct session *at = &s->sessions->all[i];

        if (!at->unsavable || (count = count_pinned(s, at->name.tenant)) <= most)
            continue;
        most = count;
        heaviest = at;
    }
    if (heaviest == session)
        return session;
    for (struct session *at = s->sessions->oldest_idle; at; at = at->newer)
        if (at->unsavable && !at->leaving && is_of(at, heaviest->name.tenant))
            return at;
    return NULL;
}

struct session *session_quota_give_up(struct session *session)
{
    struct viv_supervisor *s = session->supervisor;

    if (count_pinned(s, session->name.tenant) > quota_of(s, session->name.tenant).resident)
        return session;
    return s->sessions->pinned > s->sessions->resident_max ? heaviest_pinned(session) : NULL;
}

static uint64_t snapshot_bytes(const struct viv_supervisor *s, const char *tenant)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < s->sessions->max; i++)
        if (is_of(&s->sessions->all[i], tenant))
            sum += s->sessions->all[i].snapshot.len;
    return sum;
}

int session_quota_snapshot(const struct session *session, size_t bytes, struct viv_error *err)
{
    struct viv_supervisor *s = session->supervisor;
    uint64_t most = quota_of(s, session->name.tenant).request_bytes;
    uint64_t have = snapshot_bytes(s, session->name.tenant), all;

    pthread_mutex_lock(&s->inbox.lock);
    all = s->request_bytes;
    pthread_mutex_unlock(&s->inbox.lock);
    /* One of a tenant's always may, where it fits at all: else none ever could. */
    if (all + bytes <= s->config.request_bytes_total && (have == 0 || have + bytes <= most))
        return 0;
    viv_fail(err, VIV_RESOURCE_EXHAUSTED,
             "the session's %zu bytes don't fit beside what is on its way to workers: try again "
             "later",
             bytes);
    return viv_retry_after(err, RETRY_NS);
}

void session_quota_evict(struct session *session, unsigned more)
{
    struct viv_supervisor *s = session->supervisor;
    const char *tenant = session->name.tenant;
    unsigned most = quota_of(s, tenant).resident, have;

    /* Mostly true, and does not take longer the more sessions there are. */
    if (s->sessions->resident + more <= most)
        return;
    have = count_resident(s, tenant) + more;
    while (have > most && session_evict_one(s, tenant))
        have--;
}

uint64_t session_quota_bytes(const struct session *session)
{
    return quota_of(session->supervisor, session->name.tenant).stored_bytes;
}
