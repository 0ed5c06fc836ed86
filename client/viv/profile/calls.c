#include "client/viv/profile/calls.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 256
#define CALLS_MAX 200000

/* ---- the tree ---- */

static uint32_t add(struct viv_calls *c, const struct viv_call *call)
{
    if (c->count == c->room) {
        size_t room = c->room ? c->room * 2 : 256;
        struct viv_call *more = room <= 2 * CALLS_MAX ? realloc(c->calls, room * sizeof(*more))
                                                      : NULL;

        if (!more)
            return VIV_CALLS_NONE;
        c->calls = more;
        c->room = room;
    }
    c->calls[c->count] = *call;
    return (uint32_t)c->count++;
}

bool viv_calls_is_import(const struct viv_client_place *place)
{
    return !strncmp(place->filename, "<frozen importlib", 17);
}

static bool is_same(const struct viv_call *call, const struct viv_client_place *place, bool is_line)
{
    return call->is_line == is_line && (!is_line || call->place->line == place->line) &&
           !strcmp(call->place->function, place->function) &&
           !strcmp(call->place->filename, place->filename);
}

/* The callee for the place, made behind the others where it isn't there yet. */
static uint32_t callee(struct viv_calls *c, uint32_t caller, const struct viv_client_place *place,
                       bool is_line)
{
    uint32_t at = c->calls[caller].first, last = VIV_CALLS_NONE;
    struct viv_call call = {.place = place,
                            .is_line = is_line,
                            .first = VIV_CALLS_NONE,
                            .next = VIV_CALLS_NONE,
                            .depth = c->calls[caller].depth + 1};

    for (; at != VIV_CALLS_NONE && !is_same(&c->calls[at], place, is_line); at = c->calls[at].next)
        last = at;
    if (at != VIV_CALLS_NONE)
        return at;
    at = add(c, &call);
    if (at == VIV_CALLS_NONE)
        return at;
    *(last == VIV_CALLS_NONE ? &c->calls[caller].first : &c->calls[last].next) = at;
    if (call.depth > c->depth)
        c->depth = call.depth;
    return at;
}

static int add_stack(struct viv_calls *c, const struct viv_client_profile *p,
                     const struct viv_client_stack *stack)
{
    const struct viv_client_place *place, *last = NULL;
    uint32_t at = 0;

    c->calls[0].samples += (double)stack->samples;
    for (size_t i = stack->depth < DEPTH_MAX ? 0 : stack->depth - DEPTH_MAX; i <= stack->depth;
         i++) {
        place = i < stack->depth ? &p->places[stack->places[i]] : last;
        if (!place || (i < stack->depth && viv_calls_is_import(place)))
            continue;
        last = place;
        at = callee(c, at, place, i == stack->depth);
        if (at == VIV_CALLS_NONE)
            return -1;
        c->calls[at].samples += (double)stack->samples;
    }
    return 0;
}

int viv_calls_build(const struct viv_client_profile *profile, struct viv_calls *ret_calls)
{
    const struct viv_call root = {.first = VIV_CALLS_NONE, .next = VIV_CALLS_NONE};
    struct viv_calls c = {0};
    int result = add(&c, &root) == VIV_CALLS_NONE ? -1 : 0;

    for (size_t i = 0; !result && i < profile->stack_count; i++)
        result = add_stack(&c, profile, &profile->stacks[i]);
    if (result)
        viv_calls_free(&c);
    else
        *ret_calls = c;
    return result;
}

void viv_calls_free(struct viv_calls *calls)
{
    free(calls->calls);
    *calls = (struct viv_calls){0};
}

/* ---- the table ---- */

struct line {
    const struct viv_client_place *place;
};

static int by_function(const void *a, const void *b)
{
    const struct viv_client_place *p = ((const struct line *)a)->place;
    const struct viv_client_place *q = ((const struct line *)b)->place;
    int order = strcmp(p->filename, q->filename);

    return order ? order : strcmp(p->function, q->function);
}

static int by_own(const void *a, const void *b)
{
    const struct viv_hot *p = a, *q = b;

    if (p->own != q->own)
        return p->own < q->own ? 1 : -1;
    return p->total < q->total ? 1 : p->total > q->total ? -1 : 0;
}

/* Which function each place belongs to, as an index into `hot`, which is filled
 * with the functions. Returns how many there are. */
static size_t group(const struct viv_client_profile *p, struct line *lines, size_t *function_of,
                    struct viv_hot *hot)
{
    size_t count = 0;

    for (size_t i = 0; i < p->place_count; i++)
        lines[i].place = &p->places[i];
    qsort(lines, p->place_count, sizeof(*lines), by_function);
    for (size_t i = 0; i < p->place_count; i++) {
        if (i == 0 || by_function(&lines[i - 1], &lines[i]) != 0)
            hot[count++] = (struct viv_hot){.place = lines[i].place};
        function_of[lines[i].place - p->places] = count - 1;
    }
    return count;
}

/* A function that is in a stack twice has its samples once. */
static void count_samples(const struct viv_client_profile *p, const size_t *function_of,
                          struct viv_hot *hot, size_t *last_stack, double *best)
{
    for (size_t i = 0; i < p->stack_count; i++) {
        const struct viv_client_stack *s = &p->stacks[i];
        uint32_t innermost = s->places[s->depth - 1];

        for (size_t j = 0; j < s->depth; j++) {
            size_t f = function_of[s->places[j]];

            if (last_stack[f] != i + 1)
                hot[f].total += (double)s->samples;
            last_stack[f] = i + 1;
        }
        hot[function_of[innermost]].own += (double)s->samples;
        if ((double)s->samples > best[function_of[innermost]]) {
            best[function_of[innermost]] = (double)s->samples;
            hot[function_of[innermost]].place = &p->places[innermost];
        }
    }
}

int viv_calls_hot(const struct viv_client_profile *p, struct viv_hot *hot, size_t max)
{
    size_t n = p->place_count + 1, count = 0;
    struct line *lines = calloc(n, sizeof(*lines));
    size_t *function_of = calloc(n, sizeof(*function_of)), *last = calloc(n, sizeof(*last));
    struct viv_hot *all = calloc(n, sizeof(*all));
    double *best = calloc(n, sizeof(*best));
    bool good = lines && function_of && last && all && best;

    if (good) {
        count = group(p, lines, function_of, all);
        count_samples(p, function_of, all, last, best);
        qsort(all, count, sizeof(*all), by_own);
        count = count < max ? count : max;
        memcpy(hot, all, count * sizeof(*all));
    }
    free(lines);
    free(function_of);
    free(last);
    free(all);
    free(best);
    return good ? (int)count : -1;
}
