#include "supervisor/random_id.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "supervisor/clock.h"

#define DRAWN 64

struct random_ids {
    size_t left;
    uint64_t bits[DRAWN][2];
};

/* A forked child finds none left, or it would give away the same. */
static struct random_ids *none_drawn(void)
{
    struct random_ids *ids =
        mmap(NULL, sizeof(*ids), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (ids == MAP_FAILED)
        return NULL;
    if (madvise(ids, sizeof(*ids), MADV_WIPEONFORK) == 0)
        return ids;
    random_ids_free(ids);
    return NULL;
}

static bool take(struct random_ids *ids, uint64_t ret_bits[2])
{
    if (ids->left == 0) {
        ssize_t n = getrandom(ids->bits, sizeof(ids->bits), 0);

        ids->left = n > 0 ? (size_t)n / sizeof(ids->bits[0]) : 0;
    }
    if (ids->left == 0)
        return false;
    memcpy(ret_bits, ids->bits[--ids->left], sizeof(ids->bits[0]));
    return true;
}

void random_id(struct random_ids **ids, char ret_id[VIV_ID_MAX + 1])
{
    uint64_t bits[2] = {0};

    if (!*ids)
        *ids = none_drawn();
    if (!(*ids && take(*ids, bits)) && getrandom(bits, sizeof(bits), 0) < 0)
        bits[0] = (uint64_t)clock_now();
    snprintf(ret_id, VIV_ID_MAX + 1, "%016" PRIx64 "%016" PRIx64, bits[0], bits[1]);
}

void random_ids_free(struct random_ids *ids)
{
    if (ids)
        munmap(ids, sizeof(*ids));
}
