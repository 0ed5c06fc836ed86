#include "worker/vm/cpython/cleanup_map.h"

#include <stdlib.h>
#include <string.h>

#include "worker/vm/cpython/cleanup_code.h"
#include "worker/vm/cpython/cleanup_flow.h"

static Py_ssize_t slot = -1;
static char library[1024]; /* the standard library's folder, with its slash */

/* A body that is cleanup however it is called: ExitStack and others call
 * __enter__ and __exit__ from plain code, and ExitStack's own way of entering
 * must not be left between entering and noting what to exit. */
static bool is_named(PyObject *name, const char *text)
{
    return PyUnicode_CompareWithASCIIString(name, text) == 0;
}

static bool is_enter(PyCodeObject *code)
{
    return is_named(code->co_name, "__enter__") || is_named(code->co_name, "__aenter__");
}

static bool is_whole(PyCodeObject *code)
{
    return is_enter(code) || is_named(code->co_name, "__exit__") ||
           is_named(code->co_name, "__aexit__") ||
           is_named(code->co_qualname, "_BaseExitStack.enter_context") ||
           is_named(code->co_qualname, "AsyncExitStack.enter_async_context");
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

static enum viv_code_status analyse(struct viv_cleanup_map *map, struct viv_code *code)
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

static void place_file(struct viv_cleanup_map *map, PyCodeObject *code)
{
    const char *path = PyUnicode_AsUTF8(code->co_filename);
    size_t length = strlen(library);
    map->importing = path && strncmp(path, "<frozen importlib", 17) == 0;
    map->library = path && length > 0 && strncmp(path, library, length) == 0;
    map->loop = map->library && (strncmp(path + length, "asyncio/", 8) == 0 ||
                                 strcmp(path + length, "selectors.py") == 0);
}

static bool is_below_library(const char *path)
{
    size_t length = strlen(library);
    return length > 0 && (strncmp(path, library, length) == 0 || strstr(path, "/dist-packages/") ||
                          strstr(path, "/site-packages/"));
}

bool viv_cleanup_map_is_installed(PyCodeObject *code)
{
    const char *path = PyUnicode_AsUTF8(code->co_filename);
    if (!path)
        PyErr_Clear();
    return path && (is_below_library(path) || strncmp(path, "<frozen ", 8) == 0);
}

/* The body of an installed module, while it is imported. Cut short it would
 * leave a package that can't be imported again: its finished submodules stay in
 * sys.modules, and a C extension may refuse a second start. */
static bool is_installed_module(PyCodeObject *code)
{
    const char *path = PyUnicode_AsUTF8(code->co_filename);
    return path && !(code->co_flags & CO_OPTIMIZED) && is_named(code->co_name, "<module>") &&
           is_below_library(path);
}

static struct viv_cleanup_map *make(PyCodeObject *code)
{
    struct viv_code parsed;
    enum viv_code_status status = viv_code_load(code, &parsed);
    size_t units = status == VIV_CODE_OK ? (size_t)parsed.units : 0;
    struct viv_cleanup_map *map = calloc(1, sizeof(*map) + units * sizeof(map->at[0]));
    if (map) {
        map->units = (int32_t)units;
        map->whole = is_whole(code) || is_installed_module(code);
        map->enters = is_enter(code);
        place_file(map, code);
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

/* Where the encodings package is, which no interpreter starts without. Not os.py:
 * frozen modules have no file where the interpreter was told its paths. */
static void find_library(void)
{
    PyObject *package = PyImport_ImportModule("encodings");
    PyObject *file = package ? PyObject_GetAttrString(package, "__file__") : NULL;
    const char *path = file ? PyUnicode_AsUTF8(file) : NULL;
    const char *name = path ? strstr(path, "/encodings/") : NULL;
    if (name && (size_t)(name + 1 - path) < sizeof(library))
        memcpy(library, path, (size_t)(name + 1 - path));
    Py_XDECREF(file);
    Py_XDECREF(package);
    PyErr_Clear();
}

int viv_cleanup_map_setup(void)
{
    find_library();
    if (slot < 0)
        slot = _PyEval_RequestCodeExtraIndex(free);
    if (slot >= 0)
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "no free slot in code objects for cleanup maps");
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

struct viv_cleanup_at viv_cleanup_map_at(const struct viv_cleanup_map *map, int unit)
{
    if (!map || map->capped)
        return (struct viv_cleanup_at){.count = 1};
    if (unit < 0 || unit >= map->units)
        return (struct viv_cleanup_at){0};
    return map->at[unit];
}
