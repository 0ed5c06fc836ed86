#include "worker/vm/cpython/numbers.h"

#include <stdlib.h>

#define ROOM_MIN 256u

struct viv_numbers_slot {
    uint64_t a, b;
    uint32_t value;
    bool taken;
};

static uint32_t hash(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ (b << 32 | b >> 32)) * UINT64_C(0x9e3779b97f4a7c15);

    h ^= h >> 29;
    return (uint32_t)((h * UINT64_C(0xbf58476d1ce4e5b9)) >> 32);
}

/* Where the pair is or would be. There is always a free slot. */
static struct viv_numbers_slot *find(const struct viv_numbers *n, uint64_t a, uint64_t b)
{
    uint32_t at = hash(a, b);
    struct viv_numbers_slot *slot;

    do {
        slot = &n->slots[at++ & (n->room - 1)];
    } while (slot->taken && (slot->a != a || slot->b != b));
    return slot;
}

static bool grow(struct viv_numbers *n)
{
    struct viv_numbers more = {.room = n->room ? n->room * 2 : ROOM_MIN, .used = n->used};

    more.slots = calloc(more.room, sizeof(*more.slots));
    if (!more.slots)
        return false;
    for (uint32_t i = 0; i < n->room; i++)
        if (n->slots[i].taken)
            *find(&more, n->slots[i].a, n->slots[i].b) = n->slots[i];
    free(n->slots);
    *n = more;
    return true;
}

uint32_t viv_numbers_get(const struct viv_numbers *n, uint64_t a, uint64_t b)
{
    const struct viv_numbers_slot *slot = n->room ? find(n, a, b) : NULL;

    return slot && slot->taken ? slot->value : VIV_NUMBERS_NONE;
}

bool viv_numbers_set(struct viv_numbers *n, uint64_t a, uint64_t b, uint32_t value)
{
    if (n->used >= n->room / 2 && !grow(n))
        return false;
    *find(n, a, b) = (struct viv_numbers_slot){a, b, value, true};
    n->used++;
    return true;
}

void viv_numbers_free(struct viv_numbers *n)
{
    free(n->slots);
    *n = (struct viv_numbers){0};
}
