#include "worker/vm/cpython/cleanup_map.h"

#include <stdlib.h>
#include <string.h>

#include "worker/vm/cpython/cleanup_code.h"
#include "worker/vm/cpython/cleanup_flow.h"

static Py_ssize_t slot = -1;

/* A body that is cleanup however it is called: ExitStack and others call
 * __enter__ and __exit__ from plain code, and ExitStack's own way of entering
 * must not be left between entering and noting what to exit. */
static bool is_whole(PyCodeObject *code)
{
    static const char *const names[] = {"__enter__", "__exit__", "__aenter__",
                                        "__aexit__"};
    static const char *const qualnames[] = {
        "_BaseExitStack.enter_context", "AsyncExitStack.enter_async_context"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (PyUnicode_CompareWithASCIIString(code->co_name, names[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof(qualnames) / sizeof(*qualnames); i++)
        if (PyUnicode_CompareWithASCIIString(code->co_qualname,
                                             qualnames[i]) == 0)
            return true;
    return false;
}

/* Spread from instructions to all their units: a frame may stand on a prefix
 * or on an inline cache. */
static void spread(struct viv_cleanup_map *map, const struct viv_code *code,
                   const struct viv_cleanup_at *at)
{
    for (int32_t i = 0; i < code->instrs; i++)
        for (int32_t u = code->instr[i].first; u < code->instr[i].end; u++)
            map->at[u] = at[i];
}

static enum viv_code_status analyse(struct viv_cleanup_map *map,
                                    struct viv_code *code)
{
    struct viv_cleanup_at *at = calloc((size_t)code->instrs, sizeof(*at));
    enum viv_code_status status = VIV_CODE_NO_MEMORY;
    if (at && viv_code_depths(code))
        status = viv_cleanup_flow(code, at);
    if (status == VIV_CODE_OK)
        status = viv_cleanup_gaps(code, at);
    if (status == VIV_CODE_OK)
        spread(map, code, at);
    free(at);
    return status;
}

static struct viv_cleanup_map *make(PyCodeObject *code)
{
    struct viv_code parsed;
    enum viv_code_status status = viv_code_load(code, &parsed);
    size_t units = status == VIV_CODE_OK ? (size_t)parsed.units : 0;
    struct viv_cleanup_map *map =
        calloc(1, sizeof(*map) + units * sizeof(map->at[0]));
    if (map) {
        map->units = (int32_t)units;
        map->whole = is_whole(code);
        if (status == VIV_CODE_OK)
            status = analyse(map, &parsed);
        map->capped = status == VIV_CODE_ODD;
    }
    if (units > 0)
        viv_code_free(&parsed);
    if (status != VIV_CODE_NO_MEMORY)
        return map;
    free(map);
    return NULL;
}

int viv_cleanup_map_setup(void)
{
    if (slot < 0)
        slot = _PyEval_RequestCodeExtraIndex(free);
    if (slot >= 0)
        return 0;
    PyErr_SetString(PyExc_RuntimeError,
                    "no free slot in code objects for cleanup maps");
    return -1;
}

const struct viv_cleanup_map *viv_cleanup_map_get(PyCodeObject *code)
{
    void *kept = NULL;
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    if (_PyCode_GetExtra((PyObject *)code, slot, &kept) == 0 && !kept) {
        kept = make(code);
        if (kept && _PyCode_SetExtra((PyObject *)code, slot, kept) != 0) {
            free(kept);
            kept = NULL;
        }
    }
    PyErr_Restore(type, value, trace);
    return kept;
}

struct viv_cleanup_at viv_cleanup_map_at(const struct viv_cleanup_map *map,
                                         int unit)
{
    if (!map || map->capped)
        return (struct viv_cleanup_at){.count = 1};
    if (unit < 0 || unit >= map->units)
        return (struct viv_cleanup_at){0};
    return map->at[unit];
}
