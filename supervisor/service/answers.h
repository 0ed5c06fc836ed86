/* Answers that their clients have not taken yet. Who doesn't read them must not
 * fill the memory with them, nor hold the places of others' calls. Any thread. */
#ifndef VIVARIUM_SERVICE_ANSWERS_H
#define VIVARIUM_SERVICE_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

struct answers;

/* `bytes`: of all answers together. A tenant may have as many as are then still free,
 * so that each finds room beside any other. `tenant_calls`: a tenant's answers. */
struct answers *answers_new(uint64_t bytes, unsigned tenant_calls);

/* Nothing is held then. NULL is fine. */
void answers_free(struct answers *answers);

/* Whether one more execution may be taken of this tenant. VIV_RESOURCE_EXHAUSTED
 * with a time to come again. */
int answers_check(struct answers *answers, const char *tenant, struct viv_error *err);

/* One more answer, until answers_drop(). VIV_RESOURCE_EXHAUSTED: there is no room for
 * its bytes; it counts with none. */
int answers_hold(struct answers *answers, const char *tenant, size_t bytes, struct viv_error *err);

void answers_drop(struct answers *answers, const char *tenant, size_t bytes);

#endif
