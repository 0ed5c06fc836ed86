#include "supervisor/service/arrivals.h"

#include <grpc/support/alloc.h>
#include <string.h>

TAILQ_HEAD(arrival_list, arrival);

/* One that has some: mostly few, since messages come with their calls. */
struct arrivals_tenant {
    TAILQ_ENTRY(arrivals_tenant) link;
    struct arrival_list waiting;
    char name[VIV_ID_MAX + 1];
    unsigned count;
};

struct arrivals {
    struct arrival_list by_age;
    TAILQ_HEAD(, arrivals_tenant) tenants;
    unsigned count, max;
};

struct arrivals *arrivals_new(unsigned max)
{
    struct arrivals *a = gpr_zalloc(sizeof(*a));

    TAILQ_INIT(&a->by_age);
    TAILQ_INIT(&a->tenants);
    a->max = max;
    return a;
}

void arrivals_free(struct arrivals *arrivals)
{
    gpr_free(arrivals);
}

static struct arrivals_tenant *find_or_make(struct arrivals *a, const char *name)
{
    struct arrivals_tenant *t;

    TAILQ_FOREACH(t, &a->tenants, link)
        if (strcmp(t->name, name) == 0)
            return t;
    t = gpr_zalloc(sizeof(*t));
    strncpy(t->name, name, VIV_ID_MAX);
    TAILQ_INIT(&t->waiting);
    TAILQ_INSERT_HEAD(&a->tenants, t, link);
    return t;
}

static struct arrivals_tenant *heaviest(const struct arrivals *a)
{
    struct arrivals_tenant *t, *most = TAILQ_FIRST(&a->tenants);

    TAILQ_FOREACH(t, &a->tenants, link)
        if (t->count >= most->count)
            most = t;
    return most;
}

void arrivals_remove(struct arrivals *arrivals, struct arrival *arrival)
{
    struct arrivals_tenant *t = arrival->tenant;

    if (!t)
        return;
    arrival->tenant = NULL;
    TAILQ_REMOVE(&arrivals->by_age, arrival, by_age);
    TAILQ_REMOVE(&t->waiting, arrival, of_tenant);
    arrivals->count--;
    if (--t->count > 0)
        return;
    TAILQ_REMOVE(&arrivals->tenants, t, link);
    gpr_free(t);
}

struct arrival *arrivals_add(struct arrivals *arrivals, struct arrival *arrival, const char *tenant,
                             int64_t now_ns)
{
    struct arrivals_tenant *t = find_or_make(arrivals, tenant);
    struct arrival *gone = NULL;

    arrival->tenant = t;
    arrival->since_ns = now_ns;
    TAILQ_INSERT_TAIL(&arrivals->by_age, arrival, by_age);
    TAILQ_INSERT_TAIL(&t->waiting, arrival, of_tenant);
    t->count++;
    if (++arrivals->count > arrivals->max) {
        gone = TAILQ_FIRST(&heaviest(arrivals)->waiting);
        arrivals_remove(arrivals, gone);
    }
    return gone;
}

struct arrival *arrivals_oldest(const struct arrivals *arrivals)
{
    return TAILQ_FIRST(&arrivals->by_age);
}
