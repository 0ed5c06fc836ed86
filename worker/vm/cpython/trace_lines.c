#define Py_BUILD_CORE_MODULE 1
#include "worker/vm/cpython/trace_lines.h"

#include <internal/pycore_frame.h>
#include <stdlib.h>
#include <string.h>

#include "worker/vm/cpython/cleanup_map.h"
#include "worker/vm/cpython/places.h"
#include "worker/vm/cpython/trace.h"

/* Of ExecuteResponse. */
#define TRACE_FIELD 20

static struct {
    bool on, libraries;
    uint32_t *lines; /* places, in order */
    uint32_t count, room, max;
    uint64_t dropped;
    struct viv_places places;
    /* Whose line was last, and of what kind that code is. */
    const PyCodeObject *code;
    bool skip;
} lines;

static bool make_room(void)
{
    uint32_t room = lines.room ? lines.room * 2 : 1024;
    uint32_t *more;

    if (lines.count < lines.room)
        return true;
    more = lines.count < lines.max ? realloc(lines.lines, room * sizeof(*more)) : NULL;
    if (!more)
        return false;
    lines.lines = more;
    lines.room = room;
    return true;
}

static void keep(const struct _PyInterpreterFrame *frame)
{
    uint32_t place = VIV_PLACE_NONE;

    if (lines.count < lines.max && make_room())
        place = viv_places_at(&lines.places, frame->f_code, _PyInterpreterFrame_LASTI(frame));
    if (place == VIV_PLACE_NONE)
        lines.dropped++;
    else
        lines.lines[lines.count++] = place;
}

static int on_event(struct viv_trace *thread, PyFrameObject *frame, int what, PyObject *arg)
{
    const struct _PyInterpreterFrame *f = frame->f_frame;

    if (what != PyTrace_LINE)
        return 0;
    if (f->f_code != lines.code) {
        lines.code = f->f_code;
        lines.skip = !lines.libraries && viv_cleanup_map_is_installed(f->f_code);
    }
    if (!lines.skip)
        keep(f);
    return 0;
}

void viv_trace_lines_setup(void)
{
    viv_trace_register(VIV_TRACE_LINES, on_event);
}

int viv_trace_lines_begin(uint32_t lines_max, bool libraries)
{
    struct viv_trace *thread = viv_trace_of(PyThreadState_Get());

    if (!thread)
        return -1;
    lines.on = true;
    lines.max = lines_max;
    lines.libraries = libraries;
    viv_trace_want(thread, VIV_TRACE_LINES);
    return 0;
}

void viv_trace_lines_stop(void)
{
    struct viv_trace *thread = lines.on ? viv_trace_find(PyThreadState_Get()) : NULL;

    if (thread)
        viv_trace_drop(thread, VIV_TRACE_LINES);
    lines.on = false;
}

static bool add_message(struct viv_answer *answer, const Vivarium__V1__Trace *m)
{
    size_t len = vivarium__v1__trace__get_packed_size(m);
    uint8_t *data = malloc(len + 1);
    bool added = false;

    if (data) {
        vivarium__v1__trace__pack(m, data);
        added = viv_answer_add(answer, TRACE_FIELD, data, len);
    }
    free(data);
    return added;
}

bool viv_trace_lines_take(struct viv_answer *answer)
{
    Vivarium__V1__Trace m = VIVARIUM__V1__TRACE__INIT;
    bool added;

    viv_trace_lines_stop();
    m.n_places = lines.places.count;
    m.places = viv_places_messages(&lines.places);
    m.n_lines = lines.count;
    m.lines = lines.lines;
    m.dropped = lines.dropped;
    added = m.places && add_message(answer, &m);
    free(m.places);
    free(lines.lines);
    viv_places_clear(&lines.places);
    memset(&lines, 0, sizeof(lines));
    return added;
}
