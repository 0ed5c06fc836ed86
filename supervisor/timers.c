#include "supervisor/timers.h"

#include <stdlib.h>

int timers_init(struct timers *timers, size_t capacity, struct viv_error *err)
{
    struct timer **heap = calloc(capacity + 1, sizeof(*heap));

    if (!heap)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    *timers = (struct timers){.heap = heap, .capacity = capacity, .running_ns = INT64_MIN};
    return 0;
}

void timers_free(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){0};
}

static void put(struct timers *t, size_t place, struct timer *timer)
{
    t->heap[place] = timer;
    timer->place = place;
}

static void sift_up(struct timers *t, size_t place, struct timer *timer)
{
    while (place > 1 && t->heap[place / 2]->at_ns > timer->at_ns) {
        put(t, place, t->heap[place / 2]);
        place /= 2;
    }
    put(t, place, timer);
}

static void sift_down(struct timers *t, size_t place, struct timer *timer)
{
    for (;;) {
        size_t child = 2 * place;

        if (child > t->count)
            break;
        if (child < t->count && t->heap[child + 1]->at_ns < t->heap[child]->at_ns)
            child++;
        if (t->heap[child]->at_ns >= timer->at_ns)
            break;
        put(t, place, t->heap[child]);
        place = child;
    }
    put(t, place, timer);
}

static void settle(struct timers *t, size_t place, struct timer *timer)
{
    if (place > 1 && t->heap[place / 2]->at_ns > timer->at_ns)
        sift_up(t, place, timer);
    else
        sift_down(t, place, timer);
}

void timers_set(struct timers *timers, struct timer *timer, int64_t at_ns)
{
    timer->at_ns = at_ns > timers->running_ns ? at_ns : timers->running_ns + 1;
    if (timer->place != 0) {
        settle(timers, timer->place, timer);
        return;
    }
    if (timers->count == timers->capacity)
        abort(); /* a count of our own slots: only a bug of ours comes here */
    timers->count++;
    sift_up(timers, timers->count, timer);
}

void timers_stop(struct timers *timers, struct timer *timer)
{
    size_t place = timer->place;
    struct timer *last;

    if (place == 0)
        return;
    timer->place = 0;
    last = timers->heap[timers->count--];
    if (last != timer)
        settle(timers, place, last);
}

int64_t timers_next(const struct timers *timers)
{
    return timers->count ? timers->heap[1]->at_ns : INT64_MAX;
}

void timers_run(struct timers *timers, int64_t now_ns)
{
    timers->running_ns = now_ns;
    while (timers->count > 0 && timers->heap[1]->at_ns <= now_ns) {
        struct timer *timer = timers->heap[1];

        timers_stop(timers, timer);
        timer->fire(timer, now_ns);
    }
    timers->running_ns = INT64_MIN;
}
