#include "supervisor/store/backend.h"

#include <inttypes.h>

int backend_no_session(const struct store_key *key, struct viv_error *err)
{
    return viv_fail(err, VIV_NOT_FOUND, "tenant \"%s\" has no stored session \"%s\"", key->tenant,
                    key->session);
}

int backend_lease_lost(const struct store_key *key, struct viv_error *err)
{
    return viv_fail(err, VIV_FAILED_PRECONDITION,
                    "the lease of session \"%s\" of tenant \"%s\" is lost: it ran out, or another "
                    "supervisor has the session now",
                    key->session, key->tenant);
}

int backend_lease_held(const struct store_key *key, struct viv_error *err)
{
    return viv_fail(err, VIV_FAILED_PRECONDITION,
                    "another supervisor holds the lease of session \"%s\" of tenant \"%s\"",
                    key->session, key->tenant);
}

int backend_other_generation(const struct store_key *key, uint64_t expected, uint64_t stored,
                             struct viv_error *err)
{
    return viv_fail(err, VIV_FAILED_PRECONDITION,
                    "session \"%s\" of tenant \"%s\" is stored as generation %" PRIu64
                    ", not as %" PRIu64 " as the writer believes",
                    key->session, key->tenant, stored, expected);
}

int backend_over_quota(const struct store_key *key, uint64_t quota, struct viv_error *err)
{
    return viv_fail(err, VIV_RESOURCE_EXHAUSTED,
                    "tenant \"%s\" may store %" PRIu64
                    " bytes, and session \"%s\" would need more: "
                    "close sessions or keep less in them",
                    key->tenant, quota, key->session);
}

int backend_damaged(const struct store_key *key, const char *what, struct viv_error *err)
{
    return viv_fail(
        err, VIV_INTERNAL,
        "session \"%s\" of tenant \"%s\": what the store gave back can't be trusted: %s",
        key->session, key->tenant, what);
}

int backend_no_memory(struct viv_error *err)
{
    return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "the store has no memory left");
}
