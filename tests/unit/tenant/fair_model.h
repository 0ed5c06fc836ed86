/* The fair queue's rules once more, slow and plain: arrays that are searched
 * from end to end. Items and flows are numbers. */
#ifndef VIVARIUM_TESTS_FAIR_MODEL_H
#define VIVARIUM_TESTS_FAIR_MODEL_H

#include "supervisor/tenant/fair.h"

#define MODEL_FLOWS 8
#define MODEL_ITEMS 32

enum model_state { MODEL_NOWHERE, MODEL_WAITS, MODEL_RUNS };

struct model_item {
    enum model_state state;
    int flow;
    unsigned level, kind;
    uint64_t size;
    int64_t order; /* in its line; requeued ones get numbers below all others */
    int64_t began_ns, charged_ns;
};

struct model_flow {
    struct fair_share share;
    fair_time pass;
    int64_t served;
    int64_t typical_ns;
    bool was_ready;
    unsigned aside;
};

struct model {
    struct model_item items[MODEL_ITEMS];
    struct model_flow flows[MODEL_FLOWS];
    int flow_count;
    fair_time now, horizon;
    int64_t ticked_ns, typical_ns, cost_min_ns;
    unsigned kinds; /* as of the last model_pop() */
    int64_t last_order, first_order;
    int64_t starts, arrivals;
};

void model_init(struct model *m, int64_t cost_min_ns);
int model_add_flow(struct model *m, const struct fair_share *share);
void model_share(struct model *m, int flow, const struct fair_share *share);
void model_push(struct model *m, int flow, int item, const struct fair_item *as, int64_t now_ns);
int model_pop(struct model *m, unsigned kinds, int64_t now_ns); /* -1: none */
void model_start(struct model *m, int flow, int item, uint64_t size, int64_t now_ns);
void model_remove(struct model *m, int item);
void model_done(struct model *m, int item, int64_t now_ns);
void model_requeue(struct model *m, int item);

unsigned model_count(const struct model *m, int flow, enum model_state state);

/* How many might, by the caps on their number. */
unsigned model_startable(const struct model *m);

/* The item that would start, -1: none may. */
int model_next(const struct model *m);

/* Whether it is right that `flow` gives way to one of `arriving`; -1 says that
 * none does. */
bool model_surplus_is_right(const struct model *m, int arriving, int flow);

#endif
