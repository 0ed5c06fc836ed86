/* What the fair queue costs: an execution's way through it (queued, started,
 * ended), by the number of tenants that have executions waiting.
 *
 * usage: fair_bench */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "supervisor/tenant/fair.h"

#define PER_FLOW 4
#define RUNNING 32
#define ROUNDS 200000

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void *must(void *memory)
{
    if (!memory)
        exit(1);
    return memory;
}

static void fill(struct fair_queue *q, struct fair_flow *flows, struct fair_item *items,
                 size_t count)
{
    const struct fair_share share = {1, RUNNING, PER_FLOW, UINT64_MAX};

    for (size_t i = 0; i < count; i++) {
        fair_flow_init(&flows[i], &share);
        flows[i].share.weight = 1 + (unsigned)(i % 7);
    }
    for (size_t i = 0; i < count * PER_FLOW; i++)
        fair_push(q, &flows[i % count], &items[i], 1);
}

/* One ends, goes to the end of its line, and the next one starts: in a time of
 * the queue's own, a millisecond apart. */
static double measure(size_t count)
{
    struct fair_flow *flows = must(calloc(count, sizeof(*flows)));
    struct fair_item *items = must(calloc(count * PER_FLOW, sizeof(*items)));
    struct fair_item *running[RUNNING];
    struct fair_queue q;
    unsigned busy = 0;
    int64_t began, clock = 1;

    if (fair_init(&q, count, 1000000, NULL) < 0)
        exit(1);
    fill(&q, flows, items, count);
    while (busy < RUNNING && (running[busy] = fair_pop(&q, FAIR_ALL_KINDS, clock)))
        busy++;
    if (busy == 0)
        exit(1);
    began = now_ns();
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct fair_item *item = running[i % busy];
        struct fair_flow *flow = item->flow;

        clock += 1000000;
        fair_done(&q, item, clock);
        fair_push(&q, flow, item, clock);
        running[i % busy] = fair_pop(&q, FAIR_ALL_KINDS, clock);
    }
    began = now_ns() - began;
    fair_free(&q);
    free(items);
    free(flows);
    return (double)began / ROUNDS;
}

int main(void)
{
    printf("| tenants that wait | ns an execution |\n| ----------------: | --------------: |\n");
    for (size_t count = 1; count <= 100000; count *= 10)
        printf("| %17zu | %15.0f |\n", count, measure(count));
    return 0;
}
