#include "supervisor/demand.h"

#include <stdlib.h>
#include <string.h>

#define RING_MAX 256

int demand_init(struct demand *demand, unsigned warm, unsigned most, const char *first, bool exec,
                struct viv_error *err)
{
    struct demand d = {.warm = warm};

    d.ring_size = warm == 0 ? 1 : warm < RING_MAX ? warm : RING_MAX;
    d.room = d.ring_size + most + 1;
    d.tenants = calloc(d.room, sizeof(*d.tenants));
    d.ring = calloc(d.ring_size, sizeof(*d.ring));
    if (!d.tenants || !d.ring) {
        demand_free(&d);
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory for %u tenants", d.room);
    }
    *demand = d;
    for (unsigned i = 0; i < d.ring_size; i++)
        demand_note(demand, demand_of(demand, first, exec));
    return 0;
}

void demand_free(struct demand *demand)
{
    free(demand->tenants);
    free(demand->ring);
    *demand = (struct demand){0};
}

static bool in_use(const struct demand_tenant *t)
{
    return t->recent + t->queued + t->starting + t->idle + t->others > 0;
}

/* Entries never move, for others point to them: a free one is taken. */
struct demand_tenant *demand_of(struct demand *d, const char *name, bool exec)
{
    struct demand_tenant *vacant = NULL;

    for (unsigned i = 0; i < d->count; i++) {
        struct demand_tenant *t = &d->tenants[i];

        if (in_use(t) && t->exec == exec && strcmp(t->name, name) == 0)
            return t;
        if (!vacant && !in_use(t))
            vacant = t;
    }
    if (!vacant)
        vacant = &d->tenants[d->count++];
    memset(vacant, 0, sizeof(*vacant));
    strncpy(vacant->name, name, VIV_ID_MAX);
    vacant->exec = exec;
    return vacant;
}

void demand_note(struct demand *d, struct demand_tenant *tenant)
{
    struct demand_tenant **place = &d->ring[d->ring_next];

    if (*place)
        (*place)->recent--;
    *place = tenant;
    tenant->recent++;
    d->ring_next = (d->ring_next + 1) % d->ring_size;
}

static unsigned *count_of(struct demand_tenant *t, enum worker_state state)
{
    static unsigned nobody;

    switch (state) {
    case WORKER_FREE:
    case WORKER_STATES:
        return &nobody;
    case WORKER_SPAWNING:
    case WORKER_STARTING:
        return &t->starting;
    case WORKER_IDLE:
        return &t->idle;
    default:
        return &t->others;
    }
}

void demand_move(struct demand_tenant *tenant, enum worker_state from, enum worker_state to)
{
    if (from != WORKER_FREE)
        --*count_of(tenant, from);
    if (to != WORKER_FREE)
        ++*count_of(tenant, to);
}

/* Rounded up, so that the shares of all are never below what is to be warm. */
static unsigned share(const struct demand *d, const struct demand_tenant *t)
{
    return (t->recent * d->warm + d->ring_size - 1) / d->ring_size;
}

/* Those on their way beyond what the queue will take. */
static unsigned reserve(const struct demand_tenant *t)
{
    return t->idle + (t->starting > t->queued ? t->starting - t->queued : 0);
}

void demand_forgive(struct demand *d)
{
    for (unsigned i = 0; i < d->count; i++) {
        d->tenants[i].failed = 0;
        d->tenants[i].not_before_ns = 0;
    }
}

bool demand_may_start(const struct demand_tenant *t, int64_t now_ns)
{
    return now_ns >= t->not_before_ns;
}

int64_t demand_next_start(const struct demand *d, int64_t now_ns)
{
    int64_t first = INT64_MAX;

    for (unsigned i = 0; i < d->count; i++) {
        const struct demand_tenant *t = &d->tenants[i];

        if (in_use(t) && t->not_before_ns > now_ns && t->not_before_ns < first)
            first = t->not_before_ns;
    }
    return first;
}

unsigned demand_unserved(const struct demand *d, bool exec)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < d->count; i++) {
        const struct demand_tenant *t = &d->tenants[i];

        if (t->exec == exec && t->queued > t->starting)
            sum += t->queued - t->starting;
    }
    return sum;
}

unsigned demand_reserve(const struct demand *d)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < d->count; i++)
        sum += reserve(&d->tenants[i]);
    return sum;
}

struct demand_tenant *demand_lacking(const struct demand *d, bool exec, int64_t now_ns)
{
    struct demand_tenant *best = NULL;
    unsigned most = 0;

    for (unsigned i = 0; i < d->count; i++) {
        struct demand_tenant *t = &d->tenants[i];
        unsigned wanted = share(d, t), has = reserve(t);

        if (wanted > has && wanted - has > most && (exec || !t->exec) &&
            demand_may_start(t, now_ns)) {
            most = wanted - has;
            best = t;
        }
    }
    return best;
}

struct demand_tenant *demand_surplus(const struct demand *d, unsigned *most)
{
    struct demand_tenant *best = NULL;

    for (unsigned i = 0; i < d->count; i++) {
        struct demand_tenant *t = &d->tenants[i];
        unsigned wanted = share(d, t), has = reserve(t);

        if (t->idle > 0 && has > wanted && has - wanted > *most) {
            *most = has - wanted;
            best = t;
        }
    }
    return best;
}
