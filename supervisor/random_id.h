/* Names that nobody can guess: 128 random bits, drawn from the kernel for many at a
 * time. */
#ifndef VIVARIUM_RANDOM_ID_H
#define VIVARIUM_RANDOM_ID_H

#include <stddef.h>
#include <stdint.h>

#include "supervisor/vivarium.h"

#define RANDOM_IDS_DRAWN 64

/* Those that are drawn and not yet given away; zeros to begin with. */
struct random_ids {
    size_t left;
    uint64_t bits[RANDOM_IDS_DRAWN][2];
};

/* 32 hexadecimal digits. */
void random_id(struct random_ids *ids, char ret_id[VIV_ID_MAX + 1]);

#endif
