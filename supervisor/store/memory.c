/* The backend that forgets: for a supervisor without a path, and the shortest
 * statement of what the others do. A table by name, and lists to walk. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/clock.h"
#include "supervisor/registry.h"
#include "supervisor/store/memory_blobs.h"

#define BUCKETS 4096

_Static_assert(STORE_NAME_MAX == VIV_ID_MAX, "a name fits the registry's");

/* Of the pair (tenant, ""), which is no session's name. Here while one of its
 * sessions is. */
struct tenant {
    struct name name;
    struct tenant *next;
    struct tenant **link; /* what points to this one */
    struct session *first;
    uint64_t bytes; /* of all of them */
};

/* A session that has a record, a lease, or both. */
struct session {
    struct name name;
    struct tenant *tenant;
    struct session *next;
    struct session **link;
    uint8_t record[RECORD_SIZE];
    uint64_t generation; /* 0: no record */
    uint64_t bytes;
    int64_t expires_ns;
    struct memory_blobs blobs;
    uint64_t token; /* 0: no lease */
    int64_t until_ns;
    char owner[STORE_NAME_MAX + 1];
};

struct memory {
    struct backend backend;
    struct registry registry;
    struct tenant *first;
    uint64_t last_token;
    uint64_t bytes, bytes_max; /* of all sessions; 0: any */
};

static struct memory *of(struct backend *backend)
{
    return (struct memory *)backend;
}

static struct session *find(struct memory *memory, const struct store_key *key)
{
    return (struct session *)registry_find(&memory->registry, key->tenant, key->session);
}

static struct tenant *find_tenant(struct memory *memory, const char *tenant)
{
    return (struct tenant *)registry_find(&memory->registry, tenant, "");
}

static struct tenant *find_or_add_tenant(struct memory *memory, const char *name)
{
    struct tenant *tenant = find_tenant(memory, name);

    if (tenant)
        return tenant;
    tenant = calloc(1, sizeof(*tenant));
    if (!tenant)
        return NULL;
    memcpy(tenant->name.tenant, name, strlen(name));
    registry_add(&memory->registry, &tenant->name);
    tenant->next = memory->first;
    tenant->link = &memory->first;
    if (tenant->next)
        tenant->next->link = &tenant->next;
    memory->first = tenant;
    return tenant;
}

static void drop_tenant_if_empty(struct memory *memory, struct tenant *tenant)
{
    if (tenant->first)
        return;
    registry_remove(&memory->registry, &tenant->name);
    *tenant->link = tenant->next;
    if (tenant->next)
        tenant->next->link = tenant->link;
    free(tenant);
}

static struct session *add(struct memory *memory, const struct store_key *key)
{
    struct session *session = calloc(1, sizeof(*session));
    struct tenant *tenant = session ? find_or_add_tenant(memory, key->tenant) : NULL;

    if (!tenant) {
        free(session);
        return NULL;
    }
    memcpy(session->name.tenant, key->tenant, strlen(key->tenant));
    memcpy(session->name.id, key->session, strlen(key->session));
    registry_add(&memory->registry, &session->name);
    session->tenant = tenant;
    session->next = tenant->first;
    session->link = &tenant->first;
    if (session->next)
        session->next->link = &session->next;
    tenant->first = session;
    return session;
}

/* From now on it counts so many. */
static void count(struct memory *memory, struct session *session, uint64_t bytes)
{
    memory->bytes += bytes - session->bytes;
    session->tenant->bytes += bytes - session->bytes;
    session->bytes = bytes;
}

static void forget_record(struct memory *memory, struct session *session)
{
    count(memory, session, 0);
    memory_blobs_free(&session->blobs);
    session->generation = 0;
    session->expires_ns = 0;
}

static int leased(const struct session *session)
{
    return session->token && session->until_ns > clock_now();
}

static int holds(const struct session *session, uint64_t token)
{
    return session && leased(session) && session->token == token;
}

/* The session, not its tenant: that one's list may be under way. */
static void drop(struct memory *memory, struct session *session)
{
    registry_remove(&memory->registry, &session->name);
    *session->link = session->next;
    if (session->next)
        session->next->link = session->link;
    forget_record(memory, session);
    free(session);
}

static void memory_close(struct backend *backend)
{
    struct memory *memory = of(backend);

    while (memory->first) {
        while (memory->first->first)
            drop(memory, memory->first->first);
        drop_tenant_if_empty(memory, memory->first);
    }
    registry_free(&memory->registry);
    free(memory);
}

static int memory_record(struct backend *backend, const struct store_key *key,
                         uint8_t ret_record[RECORD_SIZE], struct viv_error *err)
{
    struct session *session = find(of(backend), key);

    if (!session || !session->generation)
        return backend_no_session(key, err);
    memcpy(ret_record, session->record, RECORD_SIZE);
    return 0;
}

static int memory_hashes(struct backend *backend, const struct store_key *key,
                         struct hash **ret_hashes, size_t *ret_count, struct viv_error *err)
{
    struct session *session = find(of(backend), key);
    size_t count = session ? session->blobs.count : 0;
    struct hash *hashes = calloc(count + 1, sizeof(*hashes));

    if (!hashes)
        return backend_no_memory(err);
    for (size_t i = 0; i < count; i++)
        hashes[i] = session->blobs.list[i].hash;
    *ret_hashes = hashes;
    *ret_count = count;
    return 0;
}

static int memory_fetch(struct backend *backend, const struct store_key *key,
                        const struct hash *hashes, size_t count, backend_blob_each *each, void *arg,
                        struct viv_error *err)
{
    struct session *session = find(of(backend), key);

    for (size_t i = 0; i < count; i++) {
        const struct backend_blob *blob = session ? memory_blobs_find(&session->blobs, &hashes[i])
                                                  : NULL;

        if (each(arg, i, blob ? blob->data : NULL, blob ? blob->len : 0, err))
            return -1;
    }
    return 0;
}

static int memory_commit(struct backend *backend, const struct store_key *key,
                         const struct backend_commit *commit, struct viv_error *err)
{
    struct memory *memory = of(backend);
    struct session *session = find(memory, key);

    if (!holds(session, commit->token))
        return backend_lease_lost(key, err);
    if (session->generation != commit->expected)
        return backend_other_generation(key, commit->expected, session->generation, err);
    if (commit->quota && session->tenant->bytes - session->bytes + commit->bytes > commit->quota)
        return backend_over_quota(key, commit->quota, err);
    if (memory->bytes_max && memory->bytes - session->bytes + commit->bytes > memory->bytes_max)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED,
                        "the store in memory holds %" PRIu64 " bytes of %" PRIu64
                        " there may be: close sessions, or give the supervisor a store on disk",
                        memory->bytes, memory->bytes_max);
    if (memory_blobs_change(&session->blobs, commit, err))
        return -1;
    memcpy(session->record, commit->record, RECORD_SIZE);
    session->generation = commit->generation;
    count(memory, session, commit->bytes);
    session->expires_ns = commit->expires_ns;
    return 0;
}

static int memory_remove(struct backend *backend, const struct store_key *key, uint64_t token,
                         struct viv_error *err)
{
    struct memory *memory = of(backend);
    struct session *session = find(memory, key);

    if (!holds(session, token))
        return backend_lease_lost(key, err);
    forget_record(memory, session);
    return 0;
}

static int memory_list(struct backend *backend, const char *tenant, struct store_cursor *cursor,
                       backend_list_each *each, void *arg, struct viv_error *err)
{
    struct tenant *t = find_tenant(of(backend), tenant);

    for (struct session *s = t ? t->first : NULL; s; s = s->next) {
        if (s->generation)
            each(arg, s->name.id, s->record, RECORD_SIZE);
    }
    cursor->over = true;
    return 0;
}

static int memory_usage(struct backend *backend, const char *tenant, uint64_t *ret_bytes,
                        struct viv_error *err)
{
    const struct tenant *t = find_tenant(of(backend), tenant);

    *ret_bytes = t ? t->bytes : 0;
    return 0;
}

static unsigned expire_of(struct memory *memory, struct tenant *tenant, int64_t now_ns,
                          unsigned max, store_expire_each *each, void *arg)
{
    struct session *session, *next;
    unsigned expired = 0;

    for (session = tenant->first; session && expired < max; session = next) {
        const struct store_key key = {session->name.tenant, session->name.id};

        next = session->next;
        if (leased(session))
            continue;
        if (session->expires_ns && session->expires_ns <= now_ns) {
            expired++;
            if (each)
                each(arg, &key);
            forget_record(memory, session);
        }
        if (!session->generation)
            drop(memory, session);
    }
    return expired;
}

static int memory_expire(struct backend *backend, int64_t now_ns, unsigned max,
                         store_expire_each *each, void *arg, unsigned *ret_count,
                         struct viv_error *err)
{
    struct memory *memory = of(backend);
    struct tenant *tenant, *next;
    unsigned expired = 0;

    for (tenant = memory->first; tenant && expired < max; tenant = next) {
        next = tenant->next;
        expired += expire_of(memory, tenant, now_ns, max - expired, each, arg);
        drop_tenant_if_empty(memory, tenant);
    }
    *ret_count = expired;
    return 0;
}

static int memory_acquire(struct backend *backend, const struct store_key *key, const char *owner,
                          int64_t ttl_ns, uint64_t *ret_token, struct viv_error *err)
{
    struct memory *memory = of(backend);
    struct session *session = find(memory, key);

    if (session && leased(session) && strcmp(session->owner, owner) != 0)
        return backend_lease_held(key, err);
    if (!session)
        session = add(memory, key);
    if (!session)
        return backend_no_memory(err);
    memcpy(session->owner, owner, strlen(owner) + 1);
    session->until_ns = clock_now() + ttl_ns;
    session->token = ++memory->last_token;
    *ret_token = session->token;
    return 0;
}

static int memory_renew(struct backend *backend, const struct store_key *key, uint64_t token,
                        int64_t ttl_ns, struct viv_error *err)
{
    struct session *session = find(of(backend), key);

    if (!holds(session, token))
        return backend_lease_lost(key, err);
    session->until_ns = clock_now() + ttl_ns;
    return 0;
}

static int memory_release(struct backend *backend, const struct store_key *key, uint64_t token,
                          struct viv_error *err)
{
    struct session *session = find(of(backend), key);

    if (!session || session->token != token)
        return 0;
    session->token = 0;
    if (!session->generation) {
        struct tenant *tenant = session->tenant;

        drop(of(backend), session);
        drop_tenant_if_empty(of(backend), tenant);
    }
    return 0;
}

static const struct backend_ops memory_ops = {
    .close = memory_close,
    .record = memory_record,
    .hashes = memory_hashes,
    .blobs = memory_fetch,
    .commit = memory_commit,
    .remove = memory_remove,
    .list = memory_list,
    .usage = memory_usage,
    .expire = memory_expire,
    .acquire = memory_acquire,
    .renew = memory_renew,
    .release = memory_release,
};

int memory_open(uint64_t bytes_max, struct backend **ret_backend, struct viv_error *err)
{
    struct memory *memory = calloc(1, sizeof(*memory));

    if (!memory)
        return backend_no_memory(err);
    if (registry_init(&memory->registry, BUCKETS, err)) {
        free(memory);
        return -1;
    }
    memory->backend.ops = &memory_ops;
    memory->bytes_max = bytes_max;
    *ret_backend = &memory->backend;
    return 0;
}
