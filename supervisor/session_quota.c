#include "supervisor/session_quota.h"

#include <string.h>

#include "supervisor/supervisor.h"

#define ANY_BYTES (UINT64_C(1) << 60)

struct quota {
    unsigned sessions, resident;
    uint64_t stored_bytes;
};

/* A tenant that is no longer in the table keeps what it has. */
static struct quota quota_of(struct viv_supervisor *s, const char *tenant)
{
    struct quota quota = {s->sessions->max, s->sessions->resident_max, ANY_BYTES};
    const struct viv_tenant_config *rules;

    pthread_mutex_lock(&s->inbox.lock);
    rules = tenants_rules_of(&s->tenants, tenant);
    if (rules) {
        quota = (struct quota){rules->sessions, rules->resident_sessions, rules->stored_bytes};
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

        count += is_of(session, tenant) && session->worker && !session->leaving;
    }
    return count;
}

int session_quota_check(struct viv_supervisor *s, const char *tenant, struct viv_error *err)
{
    unsigned most = quota_of(s, tenant).sessions;

    if (count_used(s, tenant) < most)
        return 0;
    session_evict_one(s, tenant);
    return viv_fail(err, VIV_RESOURCE_EXHAUSTED,
                    "%u sessions of the tenant are in use, the most there may be: try again later",
                    most);
}

void session_quota_evict(struct session *session, unsigned more)
{
    struct viv_supervisor *s = session->supervisor;
    const char *tenant = session->name.tenant;
    unsigned most = quota_of(s, tenant).resident, have = count_resident(s, tenant) + more;

    while (have > most && session_evict_one(s, tenant))
        have--;
}

uint64_t session_quota_bytes(const struct session *session)
{
    return quota_of(session->supervisor, session->name.tenant).stored_bytes;
}
