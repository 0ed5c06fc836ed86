/* Zygotes that lack layers, each started once, with a worker in each that has
 * something to steal. */
#ifndef VIVARIUM_TESTS_WORLD_H
#define VIVARIUM_TESTS_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/escapes/attempts.h"

/* Runs it in a worker without these layers. Whether it succeeded; `ret_how` (of
 * 200 bytes): what it said, or what stopped it. */
bool world_attempt(const struct attempt *attempt, uint64_t without, char *ret_how);

void worlds_start(const char *worker_path, const char *prelude, const char *victim);
void worlds_stop(void);

#endif
