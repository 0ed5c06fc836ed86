/* What a tenant may have of sessions. */
#ifndef VIVARIUM_SESSION_QUOTA_H
#define VIVARIUM_SESSION_QUOTA_H

#include "supervisor/session.h"

/* Whether a tenant may have one more in use. VIV_RESOURCE_EXHAUSTED. */
int session_quota_check(struct viv_supervisor *supervisor, const char *tenant,
                        struct viv_error *err);

/* What is said where all of them are in use. Returns -1. */
int session_quota_full(const struct viv_supervisor *supervisor, struct viv_error *err);

/* Whether a snapshot that has come out of the store may be kept for the worker that it
 * is for: it counts against the bytes of all requests, and those of one tenant
 * against that tenant's. VIV_RESOURCE_EXHAUSTED. */
int session_quota_snapshot(const struct session *session, size_t bytes, struct viv_error *err);

/* Whether the session may have a worker, beside others of its tenant that keep theirs because
 * their scopes can't be stored. VIV_RESOURCE_EXHAUSTED. */
int session_quota_pinned(const struct session *session, struct viv_error *err);

/* Now that it is one of these: which of them is to be given up, NULL: none. */
struct session *session_quota_give_up(struct session *session);

/* Frees workers of the session's tenant that are above its quota, or would be
 * with `more`. */
void session_quota_evict(struct session *session, unsigned more);

/* Stored bytes; never 0. */
uint64_t session_quota_bytes(const struct session *session);

#endif
