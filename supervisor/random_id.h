/* Names that nobody can guess: 128 random bits, drawn from the kernel for many at a
 * time. One thread at a time. */
#ifndef VIVARIUM_RANDOM_ID_H
#define VIVARIUM_RANDOM_ID_H

#include "supervisor/vivarium.h"

/* Those that are drawn and not yet given away. NULL at the beginning is fine. */
struct random_ids;

/* 32 hexadecimal digits. */
void random_id(struct random_ids **ids, char ret_id[VIV_ID_MAX + 1]);

void random_ids_free(struct random_ids *ids);

#endif
