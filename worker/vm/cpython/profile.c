#define Py_BUILD_CORE_MODULE 1
#include "worker/vm/cpython/profile.h"

#include <internal/pycore_frame.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "worker/vm/cpython/cancel.h"
#include "worker/vm/cpython/places.h"

/* Of ExecuteResponse. */
#define PROFILE_FIELD 19

/* Of a stack that is deeper, the innermost frames count. */
#define DEPTH_MAX 128
#define NODES_MAX 32768u
#define NODE_NONE VIV_NUMBERS_NONE

/* A place below the places that led to it. */
struct node {
    uint32_t parent;
    uint32_t place;
    uint32_t depth;
    uint64_t samples; /* that ended here */
};

static struct {
    bool on;
    timer_t timer;
    uint64_t began_ns, interval_ns;
    uint64_t due; /* intervals that have been counted */
    uint64_t dropped;
    struct viv_places places;
    struct viv_numbers by_parent;
    struct node *nodes;
    uint32_t count, room;
} profile;

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the tree of calls ---- */

static bool make_room(void)
{
    uint32_t room = profile.room ? profile.room * 2 : 256;
    struct node *nodes;

    if (profile.count < profile.room)
        return true;
    nodes = profile.count < NODES_MAX ? realloc(profile.nodes, room * sizeof(*nodes)) : NULL;
    if (!nodes)
        return false;
    profile.nodes = nodes;
    profile.room = room;
    return true;
}

static uint32_t child_of(uint32_t parent, uint32_t place)
{
    uint32_t node = viv_numbers_get(&profile.by_parent, parent, place);

    if (node != NODE_NONE)
        return node;
    if (!make_room() || !viv_numbers_set(&profile.by_parent, parent, place, profile.count))
        return NODE_NONE;
    profile.nodes[profile.count] = (struct node){
        .parent = parent,
        .place = place,
        .depth = parent == NODE_NONE ? 1 : profile.nodes[parent].depth + 1,
    };
    return profile.count++;
}

static unsigned stack_of(PyThreadState *tstate, uint32_t places[DEPTH_MAX])
{
    const struct _PyInterpreterFrame *frame = tstate->cframe->current_frame;
    unsigned depth = 0;

    for (; frame && depth < DEPTH_MAX; frame = frame->previous)
        if (!_PyFrame_IsIncomplete((struct _PyInterpreterFrame *)frame))
            places[depth++] =
                viv_places_at(&profile.places, frame->f_code, _PyInterpreterFrame_LASTI(frame));
    return depth;
}

static void count_thread(PyThreadState *tstate, uint64_t times)
{
    uint32_t places[DEPTH_MAX], node = NODE_NONE;
    unsigned depth = stack_of(tstate, places);

    if (depth == 0)
        return;
    while (depth > 0) {
        node = places[depth - 1] == VIV_PLACE_NONE ? NODE_NONE : child_of(node, places[depth - 1]);
        if (node == NODE_NONE) {
            profile.dropped += times;
            return;
        }
        depth--;
    }
    profile.nodes[node].samples += times;
}

/* Rings come from the supervisor, too, and late where C code doesn't poll: the
 * clock says how many samples this one stands for. */
static void sample(void)
{
    uint64_t due, times;

    if (!profile.on)
        return;
    if (viv_cancel_pending()) {
        viv_profile_stop(); /* its rings would count as the cancel's */
        return;
    }
    due = (now_ns() - profile.began_ns) / profile.interval_ns;
    times = due - profile.due;
    if (times == 0)
        return;
    profile.due = due;
    for (PyThreadState *t = PyInterpreterState_ThreadHead(PyInterpreterState_Main()); t;
         t = PyThreadState_Next(t))
        count_thread(t, times);
}

/* ---- begin and end ---- */

int viv_profile_begin(uint64_t interval_ns)
{
    const struct timespec interval = {.tv_sec = (time_t)(interval_ns / 1000000000u),
                                      .tv_nsec = (long)(interval_ns % 1000000000u)};
    const struct itimerspec times = {.it_interval = interval, .it_value = interval};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = VIV_DOORBELL};

    /* what sigev_notify_thread_id is called in newer headers */
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    if (timer_create(CLOCK_MONOTONIC, &event, &profile.timer) < 0)
        return -1;
    profile.on = true;
    profile.interval_ns = interval_ns;
    profile.began_ns = now_ns();
    viv_cancel_on_ring(sample);
    timer_settime(profile.timer, 0, &times, NULL);
    return 0;
}

void viv_profile_stop(void)
{
    if (!profile.on)
        return;
    profile.on = false;
    viv_cancel_on_ring(NULL);
    timer_delete(profile.timer);
}

/* ---- the message ---- */

static void fill_stack(Vivarium__V1__ProfileStack *stack, const struct node *node, uint32_t *places)
{
    vivarium__v1__profile_stack__init(stack);
    stack->samples = node->samples;
    stack->n_places = node->depth;
    stack->places = places;
    for (uint32_t at = node->depth; at > 0; at--) {
        places[at - 1] = node->place;
        if (at > 1)
            node = &profile.nodes[node->parent];
    }
}

/* One allocation: the list, the stacks, their places. */
static Vivarium__V1__ProfileStack **stacks_of_tree(size_t *ret_count)
{
    size_t count = 0, depths = 0;
    Vivarium__V1__ProfileStack **list, *stack;
    uint32_t *places;

    for (uint32_t i = 0; i < profile.count; i++)
        if (profile.nodes[i].samples > 0) {
            count++;
            depths += profile.nodes[i].depth;
        }
    list = malloc(count * (sizeof(*list) + sizeof(*stack)) + depths * sizeof(*places) + 1);
    if (!list)
        return NULL;
    stack = (Vivarium__V1__ProfileStack *)(list + count);
    places = (uint32_t *)(stack + count);
    *ret_count = 0;
    for (uint32_t i = 0; i < profile.count; i++)
        if (profile.nodes[i].samples > 0) {
            fill_stack(stack, &profile.nodes[i], places);
            places += profile.nodes[i].depth;
            list[(*ret_count)++] = stack++;
        }
    return list;
}

static bool add_message(struct viv_answer *answer, const Vivarium__V1__Profile *m)
{
    size_t len = vivarium__v1__profile__get_packed_size(m);
    uint8_t *data = malloc(len + 1);
    bool added = false;

    if (data) {
        vivarium__v1__profile__pack(m, data);
        added = viv_answer_add(answer, PROFILE_FIELD, data, len);
    }
    free(data);
    return added;
}

static void forget(void)
{
    free(profile.nodes);
    viv_numbers_free(&profile.by_parent);
    viv_places_clear(&profile.places);
    memset(&profile, 0, sizeof(profile));
}

bool viv_profile_take(struct viv_answer *answer)
{
    Google__Protobuf__Duration interval = GOOGLE__PROTOBUF__DURATION__INIT;
    Vivarium__V1__Profile m = VIVARIUM__V1__PROFILE__INIT;
    bool added;

    viv_profile_stop();
    interval.seconds = (int64_t)(profile.interval_ns / 1000000000u);
    interval.nanos = (int32_t)(profile.interval_ns % 1000000000u);
    m.interval = &interval;
    m.dropped = profile.dropped;
    m.n_places = profile.places.count;
    m.places = viv_places_messages(&profile.places);
    m.stacks = stacks_of_tree(&m.n_stacks);
    added = m.places && m.stacks && add_message(answer, &m);
    free(m.places);
    free(m.stacks);
    forget();
    return added;
}
