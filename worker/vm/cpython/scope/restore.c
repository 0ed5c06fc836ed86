/* From bytes to a namespace, name by name. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/scope.h"

#include "worker/vm/cpython/scope/build.h"
#include "worker/vm/cpython/scope/fields.h"
#include "worker/vm/cpython/scope/known.h"
#include "worker/vm/cpython/scope/names.h"
#include "worker/vm/cpython/scope/resolve.h"
#include "worker/vm/cpython/scope/table.h"
#include "worker/vm/cpython/scope/trail.h"
#include "worker/vm/cpython/text.h"

static int no_memory(struct scope_restore *r)
{
    return scope_op_abort(r->op, SCOPE_NO_MEMORY);
}

static void set_failed(struct scope_entry *entry, PyObject *reason)
{
    Py_XSETREF(entry->reason, reason);
    entry->disposition = DISPOSITION_FAILED_TO_RESTORE;
}

/* What a failed object would have been, where that is known without it. */
static PyObject *type_of(const struct scope_restore *r, uint32_t index)
{
    const struct scope_slot *slot = &r->slots[index];

    if (slot->object)
        return viv_text_type_name(Py_TYPE(slot->object), false);
    switch (slot->kind) {
    case OBJECT_FUNCTION:
        return viv_text_type_name(&PyFunction_Type, false);
    case OBJECT_CLASS:
        return viv_text_type_name(&PyType_Type, false);
    case OBJECT_MODULE:
    case OBJECT_PACKAGE:
        return viv_text_type_name(&PyModule_Type, false);
    default:
        return NULL;
    }
}

static int note_failure(struct scope_restore *r, uint32_t i)
{
    struct scope_entry *entry = &r->manifest.entries[i];
    uint32_t blamed = r->blamed;
    PyObject *reason;

    if (blamed == SCOPE_NO_SLOT) {
        reason = scope_op_take_reason(r->op);
        if (!reason)
            return -1;
        set_failed(entry, reason);
        return 0;
    }
    Py_XSETREF(entry->path, scope_trail(r, r->bindings[i].value, blamed));
    blamed = scope_resolve_culprit(r, blamed, &reason);
    set_failed(entry, Py_XNewRef(reason));
    Py_XSETREF(entry->type, type_of(r, blamed));
    PyErr_Clear();
    return 0;
}

static int restore_name(struct scope_restore *r, uint32_t i)
{
    struct scope_entry *entry = &r->manifest.entries[i];
    PyObject *value, *name = entry->name;
    int rc;

    if (scope_op_count(r->op) < 0 || scope_resolve(r, r->bindings[i].value, i) < 0)
        return -1;
    value = scope_build_value(r, r->bindings[i].value, 0);
    if (!value)
        return note_failure(r, i);
    /* Importing may have moved the entries. */
    entry = &r->manifest.entries[i];
    entry->type = scope_manifest_type(&r->manifest, Py_TYPE(value));
    if (i < r->last_set || PyDict_Contains(r->globals, name) != 0) {
        PyErr_Clear();
        r->out_of_order = true;
    }
    r->last_set = i;
    rc = PyDict_SetItem(r->globals, name, value);
    Py_DECREF(value);
    return rc < 0 ? no_memory(r) : 0;
}

/* In which turn a name is restored. Functions, classes and modules come first,
 * and what code makes comes last: that code looks up its globals. */
static int turn_of(const struct scope_restore *r, uint32_t i)
{
    struct scope_span value = r->bindings[i].value;
    struct scope_field field;

    if (scope_reader_next(&value, &field) <= 0 || field.field != VALUE_REF ||
        field.number >= r->slot_count)
        return 1;
    switch (r->slots[field.number].kind) {
    case OBJECT_FUNCTION:
    case OBJECT_CLASS:
    case OBJECT_MODULE:
    case OBJECT_PACKAGE:
    case OBJECT_GLOBAL:
        return 0;
    case OBJECT_REDUCED:
        return 2;
    default:
        return 1;
    }
}

static int restore_names(struct scope_restore *r)
{
    for (int turn = 0; turn < 3; turn++)
        for (uint32_t i = 0; i < r->binding_count; i++)
            if (!r->manifest.entries[i].reason && turn_of(r, i) == turn && restore_name(r, i) < 0)
                return -1;
    return 0;
}

/* An entry for each name, in order; a reason in those that can't be. */
static int prepare_name(struct scope_restore *r, PyObject *seen, uint32_t i)
{
    struct scope_span text = r->bindings[i].name;
    struct scope_entry entry = {.disposition = DISPOSITION_CARRIED, .bytes = r->bindings[i].size};
    const char *reason = NULL;

    entry.name =
        PyUnicode_DecodeUTF8((const char *)text.at, (Py_ssize_t)scope_span_len(text), "strict");
    if (!entry.name) {
        PyErr_Clear();
        reason = "the name is no UTF-8";
        entry.name = PyUnicode_DecodeUTF8((const char *)text.at, (Py_ssize_t)scope_span_len(text),
                                          "replace");
    } else if (scope_names_is_own(entry.name, NULL)) {
        reason = "the worker keeps this name for itself";
    } else if (PySet_Contains(seen, entry.name) == 1) {
        reason = "the name stands twice in the snapshot";
    }
    if (entry.name)
        PyUnicode_InternInPlace(&entry.name);
    if (reason)
        set_failed(&entry, PyUnicode_FromString(reason));
    if (!entry.name || PySet_Add(seen, entry.name) < 0) {
        scope_manifest_add(&r->manifest, entry);
        return no_memory(r);
    }
    return scope_manifest_add(&r->manifest, entry) < 0 ? no_memory(r) : 0;
}

static int prepare_names(struct scope_restore *r)
{
    PyObject *seen = PySet_New(NULL);
    int rc = seen ? 0 : no_memory(r);

    for (uint32_t i = 0; rc == 0 && i < r->binding_count; i++) {
        rc = prepare_name(r, seen, i);
        if (rc == 0)
            rc = scope_op_count(r->op);
    }
    Py_XDECREF(seen);
    return rc;
}

/* The order of the snapshot, which the turns have left. */
static int set_order(struct scope_restore *r)
{
    for (uint32_t i = 0; r->out_of_order && i < r->binding_count; i++) {
        const struct scope_entry *entry = &r->manifest.entries[i];
        PyObject *value = NULL;
        int rc;

        if (!entry->reason)
            value = PyDict_GetItemWithError(r->globals, entry->name);
        if (!value)
            continue;
        Py_INCREF(value);
        rc = PyDict_DelItem(r->globals, entry->name);
        if (rc == 0)
            rc = PyDict_SetItem(r->globals, entry->name, value);
        Py_DECREF(value);
        if (rc < 0)
            return no_memory(r);
    }
    return 0;
}

/* 0; -1 with `err` filled in. */
static int restore(struct scope_restore *r, const void *data, size_t len,
                   struct viv_pages *ret_manifest, struct viv_error *err)
{
    if (scope_table_read(r, data, len, err) < 0)
        return -1;
    if (prepare_names(r) < 0 || restore_names(r) < 0 || set_order(r) < 0)
        return scope_op_fail(r->op, err);
    if (scope_manifest_write(&r->manifest, ret_manifest) < 0) {
        no_memory(r);
        return scope_op_fail(r->op, err);
    }
    return 0;
}

int scope_restore(PyObject *globals, const void *data, size_t len, const struct scope_caps *caps,
                  struct viv_pages *ret_manifest, struct viv_error *err)
{
    struct scope_op op;
    struct scope_restore r = {
        .op = &op, .globals = globals, .blamed = SCOPE_NO_SLOT, .current = SCOPE_NO_SLOT};
    int rc;

    scope_op_begin(&op, caps);
    rc = restore(&r, data, len, ret_manifest, err);
    scope_table_free(&r);
    scope_op_finish(&op);
    return rc;
}
