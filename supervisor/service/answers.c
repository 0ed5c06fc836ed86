#include "supervisor/service/answers.h"

#include <grpc/support/alloc.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/queue.h>

#include "supervisor/vivarium.h"

#define RETRY_NS INT64_C(200000000)

/* Those that have some: mostly few, since answers leave at once. */
struct holder {
    LIST_ENTRY(holder) link;
    char tenant[VIV_ID_MAX + 1];
    unsigned calls;
    uint64_t bytes;
};

struct answers {
    pthread_mutex_t lock;
    LIST_HEAD(, holder) holders;
    uint64_t bytes, bytes_max;
    unsigned calls_max;
};

struct answers *answers_new(uint64_t bytes, unsigned tenant_calls)
{
    struct answers *a = gpr_zalloc(sizeof(*a));

    pthread_mutex_init(&a->lock, NULL);
    LIST_INIT(&a->holders);
    a->bytes_max = bytes;
    a->calls_max = tenant_calls;
    return a;
}

void answers_free(struct answers *answers)
{
    if (!answers)
        return;
    pthread_mutex_destroy(&answers->lock);
    gpr_free(answers);
}

static struct holder *find(const struct answers *a, const char *tenant)
{
    struct holder *h;

    LIST_FOREACH(h, &a->holders, link)
        if (strcmp(h->tenant, tenant) == 0)
            break;
    return h;
}

static struct holder *find_or_make(struct answers *a, const char *tenant)
{
    struct holder *h = find(a, tenant);

    if (h)
        return h;
    h = gpr_zalloc(sizeof(*h));
    strncpy(h->tenant, tenant, VIV_ID_MAX);
    LIST_INSERT_HEAD(&a->holders, h, link);
    return h;
}

/* As much as it has must stay free. */
static bool has_room(const struct answers *a, const struct holder *h, uint64_t bytes)
{
    uint64_t free = a->bytes_max - a->bytes;

    return bytes <= free && h->bytes + bytes <= free - bytes;
}

int answers_check(struct answers *answers, const char *tenant, struct viv_error *err)
{
    const struct holder *h;
    unsigned calls = 0;
    uint64_t bytes = 0;
    bool fits = true;

    pthread_mutex_lock(&answers->lock);
    h = find(answers, tenant);
    if (h) {
        calls = h->calls;
        bytes = h->bytes;
        fits = calls < answers->calls_max && has_room(answers, h, 0);
    }
    pthread_mutex_unlock(&answers->lock);
    if (fits)
        return 0;
    viv_fail(err, VIV_RESOURCE_EXHAUSTED,
             "%u answers with %" PRIu64
             " bytes wait for the tenant's clients to read them: read them, then try again",
             calls, bytes);
    return viv_retry_after(err, RETRY_NS);
}

int answers_hold(struct answers *answers, const char *tenant, size_t bytes, struct viv_error *err)
{
    struct holder *h;
    uint64_t have;
    bool fits;

    pthread_mutex_lock(&answers->lock);
    h = find_or_make(answers, tenant);
    h->calls++;
    have = h->bytes;
    fits = bytes == 0 || has_room(answers, h, bytes);
    if (fits) {
        h->bytes += bytes;
        answers->bytes += bytes;
    }
    pthread_mutex_unlock(&answers->lock);
    return fits ? 0
                : viv_fail(
                      err, VIV_RESOURCE_EXHAUSTED,
                      "the code ran, but its answer of %zu bytes doesn't fit beside the %" PRIu64
                      " bytes of answers that the tenant's clients have not read yet",
                      bytes, have);
}

void answers_drop(struct answers *answers, const char *tenant, size_t bytes)
{
    struct holder *h;

    pthread_mutex_lock(&answers->lock);
    h = find(answers, tenant);
    h->bytes -= bytes;
    answers->bytes -= bytes;
    if (--h->calls == 0) {
        LIST_REMOVE(h, link);
        gpr_free(h);
    }
    pthread_mutex_unlock(&answers->lock);
}
