/* What is remembered of names that are not live: cancels that came before
 * their execution, and executions that have just ended. Both are rings of fixed
 * size that forget the oldest. */
#ifndef VIVARIUM_REMEMBERED_H
#define VIVARIUM_REMEMBERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/vivarium.h"

#define REMEMBERED_NS INT64_C(10000000000)
#define REMEMBERED_CANCELS 256
/* Of one tenant, so that one can't push out another's. */
#define REMEMBERED_CANCELS_OF_ONE 32
#define REMEMBERED_ENDS 4096

struct early_cancel {
    int64_t at_ns; /* 0: free */
    char tenant[VIV_ID_MAX + 1];
    char id[VIV_ID_MAX + 1];
    char reason[257];
    bool force;
};

struct ended {
    int64_t at_ns;
    uint64_t hash; /* registry_hash(): 64 keyed bits stand for the name */
};

struct remembered {
    struct early_cancel cancels[REMEMBERED_CANCELS];
    size_t cancel_count;
    struct ended ends[REMEMBERED_ENDS];
    size_t next_end;
};

/* Replaces the tenant's or, where all places are taken, everybody's oldest. */
void remembered_cancel(struct remembered *remembered, const struct early_cancel *cancel);

/* Takes out a cancel of that name, if one came in the last 10 s. */
bool remembered_take_cancel(struct remembered *remembered, const char *tenant, const char *id,
                            int64_t now_ns, struct early_cancel *ret_cancel);

void remembered_end(struct remembered *remembered, uint64_t hash, int64_t now_ns);

/* Whether an execution with that hash ended in the last 10 s. */
bool remembered_ended(const struct remembered *remembered, uint64_t hash, int64_t now_ns);

#endif
