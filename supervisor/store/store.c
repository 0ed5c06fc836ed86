#include "supervisor/store/store.h"

#include <stdlib.h>
#include <string.h>

#include "supervisor/clock.h"
#include "supervisor/store/store_internal.h"

#define DEFAULT_TIMEOUT_NS (INT64_C(5) * 1000 * 1000 * 1000)
#define TTL_MAX_NS (INT64_C(24) * 3600 * 1000 * 1000 * 1000)
#define DEFAULT_SNAPSHOT_MAX (UINT64_C(1) << 30)

static int open_backend(const struct store_config *config, struct backend **ret_backend,
                        struct viv_error *err)
{
    int64_t timeout = config->timeout_ns ? config->timeout_ns : DEFAULT_TIMEOUT_NS;
    struct url url;

    if (url_parse(config->url ? config->url : "memory:", &url, err))
        return -1;
    if (!config->key_path && url.kind != URL_MEMORY)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "a store that outlives us needs the path of a key file");
    switch (url.kind) {
    case URL_SQLITE:
        return sqlite_open(url.path, timeout, ret_backend, err);
    case URL_REDIS:
    case URL_REDIS_UNIX:
        return redis_open(&url, timeout, ret_backend, err);
    case URL_MEMORY:
    default:
        return memory_open(config->memory_bytes_max, ret_backend, err);
    }
}

int store_open(const struct store_config *config, struct store **ret_store, struct viv_error *err)
{
    struct store *store = calloc(1, sizeof(*store));

    if (!store)
        return backend_no_memory(err);
    pthread_mutex_init(&store->lock, NULL);
    store->tenant_bytes_max = config->tenant_bytes_max;
    store->snapshot_bytes_max = config->snapshot_bytes_max ? config->snapshot_bytes_max
                                                           : DEFAULT_SNAPSHOT_MAX;
    if (open_backend(config, &store->backend, err) ||
        seal_open(config->key_path, config->old_key_paths, &store->seal, err)) {
        store_close(store);
        return -1;
    }
    *ret_store = store;
    return 0;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    if (store->backend)
        store->backend->ops->close(store->backend);
    seal_free(store->seal);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

int store_check_name(const char *what, const char *name, struct viv_error *err)
{
    size_t len = name ? strnlen(name, STORE_NAME_MAX + 1) : 0;

    if (len == 0 || len > STORE_NAME_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "the %s must have 1 to %d bytes", what,
                        STORE_NAME_MAX);
    return 0;
}

int store_check_key(const struct store_key *key, struct viv_error *err)
{
    if (store_check_name("tenant", key->tenant, err))
        return -1;
    return store_check_name("session", key->session, err);
}

static int check_ttl(int64_t ttl_ns, struct viv_error *err)
{
    if (ttl_ns <= 0 || ttl_ns > TTL_MAX_NS)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "a lease lasts up to a day, and not no time");
    return 0;
}

int store_acquire(struct store *store, const struct store_key *key, const char *owner,
                  int64_t ttl_ns, struct store_lease *ret_lease, struct viv_error *err)
{
    /* Ours runs out before the store's, whatever the way there takes. */
    int64_t until_ns = clock_now() + ttl_ns;
    uint64_t token;
    int failed;

    if (store_check_key(key, err) || store_check_name("owner", owner, err) ||
        check_ttl(ttl_ns, err))
        return -1;
    pthread_mutex_lock(&store->lock);
    failed = store->backend->ops->acquire(store->backend, key, owner, ttl_ns, &token, err);
    pthread_mutex_unlock(&store->lock);
    if (!failed)
        *ret_lease = (struct store_lease){.token = token, .until_ns = until_ns};
    return failed;
}

int store_renew(struct store *store, const struct store_key *key, struct store_lease *lease,
                int64_t ttl_ns, struct viv_error *err)
{
    int64_t until_ns = clock_now() + ttl_ns;
    int failed;

    if (store_check_key(key, err) || check_ttl(ttl_ns, err))
        return -1;
    pthread_mutex_lock(&store->lock);
    failed = store->backend->ops->renew(store->backend, key, lease->token, ttl_ns, err);
    pthread_mutex_unlock(&store->lock);
    if (!failed)
        lease->until_ns = until_ns;
    return failed;
}

int store_release(struct store *store, const struct store_key *key, uint64_t token,
                  struct viv_error *err)
{
    int failed;

    if (store_check_key(key, err))
        return -1;
    pthread_mutex_lock(&store->lock);
    failed = store->backend->ops->release(store->backend, key, token, err);
    pthread_mutex_unlock(&store->lock);
    return failed;
}

int store_delete(struct store *store, const struct store_key *key, uint64_t token,
                 struct viv_error *err)
{
    int failed;

    if (store_check_key(key, err))
        return -1;
    pthread_mutex_lock(&store->lock);
    failed = store->backend->ops->remove(store->backend, key, token, err);
    pthread_mutex_unlock(&store->lock);
    return failed;
}

int store_usage(struct store *store, const char *tenant, uint64_t *ret_bytes, struct viv_error *err)
{
    int failed;

    if (store_check_name("tenant", tenant, err))
        return -1;
    pthread_mutex_lock(&store->lock);
    failed = store->backend->ops->usage(store->backend, tenant, ret_bytes, err);
    pthread_mutex_unlock(&store->lock);
    return failed;
}

int store_expire(struct store *store, int64_t now_ns, unsigned max, store_expire_each *each,
                 void *arg, unsigned *ret_count, struct viv_error *err)
{
    int failed;

    pthread_mutex_lock(&store->lock);
    failed = store->backend->ops->expire(store->backend, now_ns, max, each, arg, ret_count, err);
    pthread_mutex_unlock(&store->lock);
    return failed;
}
