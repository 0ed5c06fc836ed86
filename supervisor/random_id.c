#include "supervisor/random_id.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "supervisor/clock.h"

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

void random_id(struct random_ids *ids, char ret_id[VIV_ID_MAX + 1])
{
    uint64_t bits[2] = {0};

    if (!take(ids, bits))
        bits[0] = (uint64_t)clock_now();
    snprintf(ret_id, VIV_ID_MAX + 1, "%016" PRIx64 "%016" PRIx64, bits[0], bits[1]);
}
