/* Profile and Trace as the public header shows them. */
#include "client/arena.h"
#include "client/reply.h"

static const struct viv_client_place *places_of(void *object, Vivarium__V1__Place **messages,
                                                size_t count)
{
    struct viv_client_place *places = viv_arena_alloc(object, count, sizeof(*places));

    for (size_t i = 0; places && i < count; i++)
        places[i] = (struct viv_client_place){
            .filename = messages[i]->filename,
            .line = messages[i]->line,
            .function = messages[i]->function,
        };
    return places;
}

static bool is_sound(const Vivarium__V1__ProfileStack *stack, size_t places)
{
    for (size_t i = 0; i < stack->n_places; i++)
        if (stack->places[i] >= places)
            return false;
    return stack->n_places > 0 && stack->samples > 0;
}

static size_t take_stacks(struct viv_client_stack *stacks, const Vivarium__V1__Profile *m)
{
    size_t count = 0;

    for (size_t i = 0; i < m->n_stacks; i++)
        if (is_sound(m->stacks[i], m->n_places))
            stacks[count++] = (struct viv_client_stack){
                .places = m->stacks[i]->places,
                .depth = m->stacks[i]->n_places,
                .samples = m->stacks[i]->samples,
            };
    return count;
}

const struct viv_client_profile *viv_reply_profile(void *object, const Vivarium__V1__Profile *m)
{
    struct viv_client_profile *profile = viv_arena_alloc(object, 1, sizeof(*profile));
    struct viv_client_stack *stacks = viv_arena_alloc(object, m->n_stacks, sizeof(*stacks));
    const struct viv_client_place *places = places_of(object, m->places, m->n_places);

    if (!profile || !stacks || !places)
        return NULL;
    *profile = (struct viv_client_profile){
        .interval_ns = viv_reply_duration_ns(m->interval),
        .places = places,
        .place_count = m->n_places,
        .stacks = stacks,
        .stack_count = take_stacks(stacks, m),
        .dropped = m->dropped,
    };
    return profile;
}

const struct viv_client_trace *viv_reply_trace(void *object, const Vivarium__V1__Trace *m)
{
    struct viv_client_trace *trace = viv_arena_alloc(object, 1, sizeof(*trace));
    uint32_t *lines = viv_arena_alloc(object, m->n_lines, sizeof(*lines));
    const struct viv_client_place *places = places_of(object, m->places, m->n_places);
    size_t count = 0;

    if (!trace || !lines || !places)
        return NULL;
    for (size_t i = 0; i < m->n_lines; i++)
        if (m->lines[i] < m->n_places)
            lines[count++] = m->lines[i];
    *trace = (struct viv_client_trace){
        .places = places,
        .place_count = m->n_places,
        .lines = lines,
        .line_count = count,
        .dropped = m->dropped,
    };
    return trace;
}
