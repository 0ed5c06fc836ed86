/* From a namespace to bytes: every name is walked, which may run user code, and
 * then all is written, which may not. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/vm/cpython/scope/encode.h"
#include "worker/vm/cpython/scope/fields.h"
#include "worker/vm/cpython/scope/manifest.h"
#include "worker/vm/cpython/scope/names.h"
#include "worker/vm/cpython/scope/path.h"
#include "worker/vm/cpython/scope/text.h"
#include "worker/vm/cpython/scope/types.h"
#include "worker/vm/cpython/scope/walk.h"
#include "worker/vm/cpython/text.h"

/* How often the scope is read again where user code that is run by the reading
 * changes what was read already; and from when on, and how often, without the
 * names that were changed. */
#define ATTEMPTS 3
#define ATTEMPTS_WITHOUT 5

struct snapshot {
    struct scope_op *op;
    PyObject *restless; /* set of names that are left out; may grow */
    PyObject *names;    /* a copy of the namespace */
    PyObject **values;  /* of each entry of the manifest; NULL: omitted */
    struct scope_manifest manifest;
    struct scope_walk walk;
    struct scope_types types;
    bool changed; /* while it was walked */
};

static int no_memory(struct snapshot *s)
{
    return scope_op_abort(s->op, SCOPE_NO_MEMORY);
}

static int add_entry(struct snapshot *s, PyObject *name, PyObject *value, struct scope_entry entry)
{
    s->values[s->manifest.count] = entry.reason ? NULL : value;
    entry.name = PyUnicode_Check(name) ? Py_NewRef(name) : PyObject_ASCII(name);
    if (!entry.type)
        entry.type = scope_manifest_type(&s->manifest, Py_TYPE(value));
    entry.disposition = entry.reason ? DISPOSITION_OMITTED : DISPOSITION_CARRIED;
    return scope_manifest_add(&s->manifest, entry) < 0 ? no_memory(s) : 0;
}

/* The walk of a name's value has failed: undoes it, and says why. */
static int omit(struct snapshot *s, PyObject *name, PyObject *value, uint32_t nodes, uint32_t table)
{
    PyObject *reason = scope_op_take_reason(s->op), *culprit = s->walk.culprit;
    struct scope_entry entry = {.reason = reason};

    if (reason) {
        entry.path = scope_path_of(&s->walk);
        entry.type = viv_text_type_name(Py_TYPE(culprit ? culprit : value), false);
    }
    scope_walk_reset(&s->walk);
    scope_nodes_cut(&s->walk.nodes, nodes, table);
    return reason ? add_entry(s, name, value, entry) : -1;
}

static int walk_name(struct snapshot *s, PyObject *name, PyObject *value)
{
    uint32_t nodes = s->walk.nodes.count, table = s->walk.nodes.table_count;

    if (!PyUnicode_CheckExact(name) || !scope_text_fits(name))
        scope_op_refuse(s->op, "a name must be text without surrogates and U+0000");
    else if (PySet_Contains(s->restless, name) == 1)
        scope_op_refuse(s->op, "code that was run to read the scope went on changing it");
    else if (scope_walk_name(&s->walk, value, (uint32_t)s->manifest.count) == 0)
        return add_entry(s, name, value, (struct scope_entry){0});
    return omit(s, name, value, nodes, table);
}

static int walk_names(struct snapshot *s)
{
    PyObject *name, *value;
    Py_ssize_t position = 0;

    while (PyDict_Next(s->names, &position, &name, &value))
        if (!scope_names_is_own(name, value) && walk_name(s, name, value) < 0)
            return -1;
    return scope_walk_finish(&s->walk);
}

/* --- writing ---------------------------------------------------------------- */

static bool needs_version(const struct scope_nodes *nodes)
{
    for (uint32_t i = 0; i < nodes->table_count; i++) {
        unsigned kind = nodes->items[nodes->table[i]].kind;

        if (kind == KIND_FUNCTION || kind == KIND_CLASS || kind == KIND_CODE)
            return true;
    }
    return false;
}

/* After each name or object: whether its content had changed since the walk. */
static void look_for_change(struct snapshot *s, struct scope_encoder *e, uint32_t owner)
{
    if (e->changed && PySet_Add(s->restless, s->manifest.entries[owner].name) < 0)
        e->failed = true;
    s->changed |= e->changed;
    e->changed = false;
}

static void write_objects(struct snapshot *s, struct scope_encoder *e)
{
    const struct scope_nodes *nodes = &s->walk.nodes;

    for (uint32_t i = nodes->table_count; i > 0 && !e->w->failed; i--) {
        const struct scope_node *node = &nodes->items[nodes->table[i - 1]];
        size_t mark = viv_writer_used(e->w);

        scope_encode_object(e, SNAPSHOT_OBJECTS, node);
        look_for_change(s, e, node->owner);
        s->manifest.entries[node->owner].bytes += viv_writer_used(e->w) - mark;
    }
}

static void write_bindings(struct snapshot *s, struct scope_encoder *e)
{
    for (size_t i = s->manifest.count; i > 0 && !e->w->failed; i--) {
        struct scope_entry *entry = &s->manifest.entries[i - 1];
        size_t mark = viv_writer_used(e->w);

        if (!s->values[i - 1])
            continue;
        scope_encode_value(e, BINDING_VALUE, s->values[i - 1], 0);
        look_for_change(s, e, (uint32_t)(i - 1));
        viv_text_field(e->w, BINDING_NAME, entry->name, 0);
        viv_writer_field(e->w, SNAPSHOT_NAMES, mark);
        entry->bytes += viv_writer_used(e->w) - mark;
    }
}

/* 1: the scope was changed by its being read. */
static int write_snapshot(struct snapshot *s, struct viv_pages *ret_bytes)
{
    struct viv_writer w;
    struct scope_encoder e = {.op = s->op, .w = &w, .nodes = &s->walk.nodes};
    char version[16];

    viv_writer_init(&w, s->op->caps.bytes);
    if (w.failed)
        return no_memory(s);
    write_objects(s, &e);
    write_bindings(s, &e);
    snprintf(version, sizeof(version), "%d.%d", PY_MAJOR_VERSION, PY_MINOR_VERSION);
    if (needs_version(&s->walk.nodes))
        viv_writer_bytes(&w, SNAPSHOT_PYTHON, version, strlen(version));
    viv_writer_varint(&w, SNAPSHOT_FORMAT, SCOPE_FORMAT_VERSION);
    if (e.failed)
        no_memory(s);
    else if (w.failed)
        scope_op_abort(s->op, SCOPE_TOO_LARGE);
    if (s->op->end != SCOPE_GOES_ON) {
        viv_writer_free(&w);
        return -1;
    }
    viv_writer_take_pages(&w, ret_bytes);
    return s->changed;
}

/* --- both ------------------------------------------------------------------- */

static void clear(struct snapshot *s)
{
    scope_walk_free(&s->walk);
    scope_types_free(&s->types);
    scope_manifest_free(&s->manifest);
    free(s->values);
    Py_CLEAR(s->names);
    PyErr_Clear();
}

/* As write_snapshot(). */
static int attempt(struct scope_op *op, PyObject *globals, PyObject *restless,
                   struct viv_pages *ret_snapshot, struct viv_pages *ret_manifest)
{
    struct snapshot s = {.op = op, .restless = restless, .names = PyDict_Copy(globals)};
    struct viv_pages snapshot = {0};
    int rc = -1;

    s.walk.source = (struct scope_source){.op = op, .globals = globals, .types = &s.types};
    if (s.names)
        s.values = calloc((size_t)PyDict_GET_SIZE(s.names) + 1, sizeof(*s.values));
    if (!s.values)
        rc = no_memory(&s);
    else if (walk_names(&s) == 0)
        rc = write_snapshot(&s, &snapshot);
    if (rc >= 0 && scope_manifest_write(&s.manifest, ret_manifest) < 0) {
        viv_pages_free(&snapshot);
        rc = no_memory(&s);
    }
    if (rc >= 0)
        *ret_snapshot = snapshot;
    clear(&s);
    return rc;
}

/* 0, 1: what is in `ret_...` is not all as it was, -1. */
static int make(struct scope_op *op, PyObject *globals, struct viv_pages *ret_snapshot,
                struct viv_pages *ret_manifest)
{
    PyObject *restless = PySet_New(NULL);
    int rc = 1;

    if (!restless)
        return scope_op_abort(op, SCOPE_NO_MEMORY);
    for (int i = 0; i < ATTEMPTS + ATTEMPTS_WITHOUT && rc == 1; i++) {
        if (i < ATTEMPTS)
            PySet_Clear(restless);
        viv_pages_free(ret_snapshot);
        viv_pages_free(ret_manifest);
        op->counted = 0;
        rc = attempt(op, globals, restless, ret_snapshot, ret_manifest);
    }
    Py_DECREF(restless);
    return rc;
}

int scope_snapshot(PyObject *globals, const struct scope_caps *caps, struct viv_pages *ret_snapshot,
                   struct viv_pages *ret_manifest, struct viv_error *err)
{
    struct viv_pages snapshot = {0}, manifest = {0};
    struct scope_op op;

    scope_op_begin(&op, caps);
    if (make(&op, globals, &snapshot, &manifest) < 0) {
        scope_op_fail(&op, err);
        scope_op_finish(&op);
        return -1;
    }
    scope_op_finish(&op);
    *ret_snapshot = snapshot;
    *ret_manifest = manifest;
    return 0;
}
