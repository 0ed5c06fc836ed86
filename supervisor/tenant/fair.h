/* The fair queue: which tenant's execution starts next. Pure: it knows no
 * clock and allocates nothing after fair_init(). DESIGN.md has the reasons.
 *
 * A flow is a tenant's part of it, an item an execution's; both live inside
 * what they stand for. An item is in a flow's hands from fair_push() to
 * fair_remove() or fair_done(). Times are nanoseconds of a clock that never
 * goes back. */
#ifndef VIVARIUM_FAIR_H
#define VIVARIUM_FAIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "supervisor/tenant/heap.h"

/* Priorities within a flow: 0 goes first. */
#define FAIR_LEVELS 3

/* Kinds of items: of each there may be too few workers while there are enough for
 * the others. Masks have their bits. */
#define FAIR_KINDS 2
#define FAIR_ALL_KINDS ((1u << FAIR_KINDS) - 1)

#define FAIR_WEIGHT_MAX 10000

/* How stale the charge of what runs may be. */
#define FAIR_TICK_NS INT64_C(10000000)

/* The most that is charged before it is used. */
#define FAIR_ESTIMATE_MAX_NS INT64_C(1000000000)

/* How far behind the others a flow that was held at its own caps may stay, in
 * time of one worker. */
#define FAIR_CREDIT_NS INT64_C(1000000000)

/* Worker time by weight; never wraps. */
typedef __int128 fair_time;

struct fair_flow;

struct fair_item {
    TAILQ_ENTRY(fair_item) link; /* of its level's line, or of all that run */
    struct fair_flow *flow;      /* NULL: in no flow's hands */
    unsigned level;
    unsigned kind;
    uint64_t size; /* counts against size_max while it runs */
    bool running;
    int64_t began_ns;
    int64_t charged_ns;
};

TAILQ_HEAD(fair_line, fair_item);

struct fair_share {
    unsigned weight;      /* 1 to FAIR_WEIGHT_MAX */
    unsigned running_max; /* items that run at a time; at least 1 */
    unsigned queued_max;  /* items that wait */
    uint64_t size_max;    /* sizes of the items that run, together */
};

struct fair_flow {
    struct heap_node ready; /* where something may start: by `pass`, in its kind's heap */
    struct heap_node large; /* where something waits, here or aside: by number and weight */
    struct fair_line lines[FAIR_LEVELS];
    unsigned kind; /* of its first item, by which it is in a heap */
    struct fair_share share;
    unsigned queued, running;
    unsigned startable; /* of the queued ones, were there workers enough */
    unsigned aside;     /* what waits for something else before it is queued */
    uint64_t size_running;
    fair_time pass;     /* what it has used */
    int64_t served;     /* number of its last start; below 0: none, but it has arrived */
    int64_t typical_ns; /* what its items used of late; 0: none has ended */
};

struct fair_queue {
    struct heap ready[FAIR_KINDS], large;
    unsigned kinds;                 /* that could start of late */
    struct fair_line running_items; /* longest first */
    unsigned queued, running, startable;
    fair_time now;     /* where a flow begins that had nothing to start */
    fair_time horizon; /* the furthest that any flow has come */
    int64_t starts, arrivals;
    int64_t ticked_ns;
    int64_t typical_ns;
    int64_t cost_min_ns;
};

/* `flows`: the most flows that hold items at a time. `cost_min_ns`: what an item
 * is charged at least, above 0; one that is longer than any item makes the
 * shares those of counts. */
int fair_init(struct fair_queue *queue, size_t flows, int64_t cost_min_ns, struct viv_error *err);
void fair_free(struct fair_queue *queue);

/* A flow with no items. It belongs to no queue while it holds none. */
void fair_flow_init(struct fair_flow *flow, const struct fair_share *share);

/* May be called at any time; what runs or waits above a new cap goes on. */
void fair_flow_share(struct fair_queue *queue, struct fair_flow *flow,
                     const struct fair_share *share);

/* Queues an item with its level, kind and size set. Not held against queued_max: who
 * admits asks first. One whose size is above size_max runs alone. */
void fair_push(struct fair_queue *queue, struct fair_flow *flow, struct fair_item *item,
               int64_t now_ns);

/* Starts the item whose turn it is among those of these kinds; NULL where nothing
 * may start. An item of another kind holds back those behind it of its own flow. */
struct fair_item *fair_pop(struct fair_queue *queue, unsigned kinds, int64_t now_ns);

/* Whether an item may start beside those of its flow that run. */
bool fair_has_room(const struct fair_flow *flow, const struct fair_item *item);

/* Starts an item that was in no line, since it needs no worker of the others'. Not held
 * against its flow's caps: who starts it asks first. */
void fair_start(struct fair_queue *queue, struct fair_flow *flow, struct fair_item *item,
                int64_t now_ns);

/* Takes out an item that waits. */
void fair_remove(struct fair_queue *queue, struct fair_item *item);

/* Takes out an item that runs and charges what it used. */
void fair_done(struct fair_queue *queue, struct fair_item *item, int64_t now_ns);

/* Puts an item that runs back in front of its line, as if it had never started:
 * it was no fault of its own. */
void fair_requeue(struct fair_queue *queue, struct fair_item *item);

/* One more, or less, of the flow's waits elsewhere. */
void fair_aside(struct fair_queue *queue, struct fair_flow *flow, int change);

/* The flow that has the most waiting for its weight, here and aside, where that is
 * still more than what `arriving` has with one more; else NULL. Where there is no
 * room, the last of it has to give way. */
struct fair_flow *fair_surplus(const struct fair_queue *queue, const struct fair_flow *arriving);

#endif
