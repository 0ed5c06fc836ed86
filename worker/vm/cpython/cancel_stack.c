#define Py_BUILD_CORE_MODULE 1
#include "worker/vm/cpython/cancel_stack.h"

#include <internal/pycore_frame.h>

#include "worker/vm/cpython/cancel_tasks.h"
#include "worker/vm/cpython/cleanup_map.h"

typedef struct _PyInterpreterFrame frame_t;

static frame_t *complete(frame_t *frame)
{
    while (frame && _PyFrame_IsIncomplete(frame))
        frame = frame->previous;
    return frame;
}

static struct viv_cleanup_at at_frame(const frame_t *frame, const struct viv_cleanup_map **ret_map)
{
    *ret_map = viv_cleanup_map_get(frame->f_code);
    return viv_cleanup_map_at(*ret_map, _PyInterpreterFrame_LASTI(frame));
}

static bool is_loop_function(const frame_t *frame, const char *name)
{
    const struct viv_cleanup_map *map = viv_cleanup_map_get(frame->f_code);
    return map && map->loop && PyUnicode_CompareWithASCIIString(frame->f_code->co_name, name) == 0;
}

/* In asyncio's own code, or in what of the standard library that calls, with
 * nothing of the user's in between. */
static bool is_in_loop(const frame_t *frame)
{
    const struct viv_cleanup_map *map = viv_cleanup_map_get(frame->f_code);
    while (frame && map && map->library && !map->loop) {
        frame = complete(frame->previous);
        map = frame ? viv_cleanup_map_get(frame->f_code) : NULL;
    }
    return frame && map && map->loop;
}

/* A loop is interrupted where it waits for events, or between two rounds. Then
 * it ends as asyncio has it: each task is cancelled and runs its cleanup. The
 * same exception in a task would come out of all that await the task as well,
 * and end the ending of the loop. */
static void place_in_loop(struct viv_place *place, PyThreadState *tstate, frame_t *top,
                          frame_t *loop, bool next)
{
    place->in_loop = is_in_loop(top);
    if (!place->in_loop && !loop)
        return;
    if (!next && is_loop_function(top, "select"))
        return;
    if (next && top == loop && viv_cancel_loop_runs(tstate))
        return;
    place->kind = VIV_PLACE_LOOP;
    place->outermost = loop;
}

/* What a function acquired and is about to return would be lost with it, if
 * the result goes under a try or with in some caller, or to C code, which may
 * do so (the opener of a file, the __init__ of an object). A module returns
 * nothing. */
static bool returns_resource(const frame_t *frame)
{
    const struct viv_cleanup_map *map;
    uint8_t flags = VIV_CLEANUP_TAIL_CALL;
    while (flags & VIV_CLEANUP_TAIL_CALL) {
        if (!(frame->f_code->co_flags & CO_OPTIMIZED))
            return false;
        if (frame->is_entry)
            return true;
        frame = complete(frame->previous);
        flags = frame ? at_frame(frame, &map).flags : 0;
    }
    return flags & VIV_CLEANUP_GAP_CALL;
}

static enum viv_place_kind kind_of_top(const frame_t *top, struct viv_cleanup_at at)
{
    if (at.flags & (VIV_CLEANUP_NEVER | VIV_CLEANUP_GAP))
        return VIV_PLACE_GAP;
    if ((at.flags & VIV_CLEANUP_TAIL) && returns_resource(top))
        return VIV_PLACE_TAIL;
    return VIV_PLACE_CLEAR;
}

/* For the top frame, the function it calls must be what enters, as in
 * `return self._lock.__enter__()`; for its callers, entering must be all the
 * cleanup they are in. */
static bool only_enters(const struct viv_cleanup_map *map, struct viv_cleanup_at at, bool top)
{
    if (!map || map->capped)
        return false;
    if (at.count > 0)
        return at.count == 1 && (at.flags & VIV_CLEANUP_ENTERS);
    return map->enters && (!top || (at.flags & VIV_CLEANUP_RETURN_CALL));
}

static enum viv_place_kind kind_of_tasks(PyThreadState *tstate)
{
    switch (viv_cancel_tasks(tstate)) {
    case VIV_TASKS_CLEANUP:
        return VIV_PLACE_TASK;
    case VIV_TASKS_ENTER:
        return VIV_PLACE_TASK_ENTERS;
    default:
        return VIV_PLACE_CLEAR;
    }
}

struct viv_place viv_cancel_place(PyThreadState *tstate, bool next)
{
    struct viv_place place = {.kind = VIV_PLACE_CLEAR, .enters_in_c = true};
    frame_t *top = complete(tstate->cframe->current_frame), *loop = NULL;
    for (frame_t *f = top; f; f = complete(f->previous)) {
        const struct viv_cleanup_map *map;
        struct viv_cleanup_at at = at_frame(f, &map);
        if (f == top) {
            place.back = at.flags & VIV_CLEANUP_BACK;
            place.kind = next ? kind_of_top(f, at) : VIV_PLACE_CLEAR;
            if (map && map->importing)
                place.kind = VIV_PLACE_IMPORT;
        }
        if (is_loop_function(f, "run_forever"))
            loop = f;
        if (at.count == 0 && !(map && map->whole)) {
            place.enters_in_c &= f != top;
            continue;
        }
        place.kind = VIV_PLACE_CLEANUP;
        place.outermost = f;
        place.enters_in_c &= only_enters(map, at, f == top);
    }
    if (top && (place.kind == VIV_PLACE_CLEAR || place.kind == VIV_PLACE_TAIL))
        place_in_loop(&place, tstate, top, loop, next);
    if (place.kind == VIV_PLACE_CLEAR)
        place.kind = kind_of_tasks(tstate);
    return place;
}

static bool in_contexts(PyObject *exception, PyObject *wanted)
{
    for (int depth = 0; exception && depth < 1000; depth++) {
        if (exception == wanted)
            return true;
        if (!PyExceptionInstance_Check(exception))
            return false;
        exception = ((PyBaseExceptionObject *)exception)->context;
    }
    return false;
}

bool viv_cancel_is_at_work(PyThreadState *tstate, PyObject *exception)
{
    if (in_contexts(tstate->curexc_value, exception))
        return true;
    for (_PyErr_StackItem *i = tstate->exc_info; i; i = i->previous_item)
        if (in_contexts(i->exc_value, exception))
            return true;
    return false;
}
