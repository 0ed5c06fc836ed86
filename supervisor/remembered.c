#include "supervisor/remembered.h"

#include <string.h>

static void forget(struct remembered *r, struct early_cancel *c)
{
    c->at_ns = 0;
    r->cancel_count--;
}

static struct early_cancel *place_for(struct remembered *r, const struct early_cancel *cancel)
{
    struct early_cancel *free_place = NULL, *oldest = NULL, *oldest_own = NULL;
    unsigned own = 0;

    for (size_t i = 0; i < REMEMBERED_CANCELS; i++) {
        struct early_cancel *c = &r->cancels[i];

        if (c->at_ns != 0 && cancel->at_ns - c->at_ns > REMEMBERED_NS)
            forget(r, c);
        if (c->at_ns == 0) {
            free_place = c;
            continue;
        }
        if (!oldest || c->at_ns < oldest->at_ns)
            oldest = c;
        if (strcmp(c->tenant, cancel->tenant) != 0)
            continue;
        own++;
        if (!oldest_own || c->at_ns < oldest_own->at_ns)
            oldest_own = c;
    }
    if (own >= REMEMBERED_CANCELS_OF_ONE)
        return oldest_own;
    return free_place ? free_place : oldest;
}

void remembered_cancel(struct remembered *remembered, const struct early_cancel *cancel)
{
    struct early_cancel *place = place_for(remembered, cancel);

    if (place->at_ns == 0)
        remembered->cancel_count++;
    *place = *cancel;
}

bool remembered_take_cancel(struct remembered *remembered, const char *tenant, const char *id,
                            int64_t now_ns, struct early_cancel *ret_cancel)
{
    if (remembered->cancel_count == 0)
        return false;
    for (size_t i = 0; i < REMEMBERED_CANCELS; i++) {
        struct early_cancel *c = &remembered->cancels[i];

        if (c->at_ns == 0 || strcmp(c->id, id) != 0 || strcmp(c->tenant, tenant) != 0)
            continue;
        *ret_cancel = *c;
        forget(remembered, c);
        if (now_ns - ret_cancel->at_ns <= REMEMBERED_NS)
            return true;
    }
    return false;
}

void remembered_end(struct remembered *remembered, uint64_t hash, int64_t now_ns)
{
    remembered->ends[remembered->next_end] = (struct ended){now_ns, hash};
    remembered->next_end = (remembered->next_end + 1) % REMEMBERED_ENDS;
}

bool remembered_ended(const struct remembered *remembered, uint64_t hash, int64_t now_ns)
{
    for (size_t i = 0; i < REMEMBERED_ENDS; i++) {
        const struct ended *e = &remembered->ends[i];

        if (e->at_ns != 0 && e->hash == hash && now_ns - e->at_ns <= REMEMBERED_NS)
            return true;
    }
    return false;
}
