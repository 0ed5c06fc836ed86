/* What the receiver has by itself: modules, and objects in them. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/create.h"

#include "worker/vm/cpython/scope/build.h"
#include "worker/vm/cpython/scope/fields.h"
#include "worker/vm/cpython/scope/known.h"
#include "worker/vm/cpython/scope/refer.h"
#include "worker/vm/cpython/text.h"

static PyObject *text_of(struct scope_span bytes)
{
    return PyUnicode_DecodeUTF8((const char *)bytes.at, (Py_ssize_t)scope_span_len(bytes), NULL);
}

/* Past `__import__`, which user code may have replaced; `a.b` itself, not `a`. */
static PyObject *import(PyObject *name)
{
    PyObject *from, *module;

    module = PyDict_GetItemWithError(scope_known.modules, name);
    if (module && module != Py_None)
        return Py_NewRef(module);
    if (PyErr_Occurred())
        return NULL;
    from = PyTuple_Pack(1, scope_known.s_name);
    module = from ? PyImport_ImportModuleLevelObject(name, NULL, NULL, from, 0) : NULL;
    Py_XDECREF(from);
    return module;
}

PyObject *scope_create_module(struct scope_restore *r, struct scope_span name)
{
    PyObject *text = text_of(name), *module = text ? import(text) : NULL;

    Py_XDECREF(text);
    return module;
}

/* A submodule that is missing costs the package nothing but an entry. */
static int report(struct scope_restore *r, PyObject *name, uint32_t owner)
{
    PyObject *reason = scope_op_take_reason(r->op);
    struct scope_entry entry = {.reason = reason, .disposition = DISPOSITION_FAILED_TO_RESTORE};

    if (!reason)
        return -1;
    entry.name = Py_NewRef(r->manifest.entries[owner].name);
    entry.path = PyUnicode_FromFormat(".%U", name);
    entry.type = viv_text_type_name(&PyModule_Type, false);
    return scope_manifest_add(&r->manifest, entry) < 0 ? scope_op_abort(r->op, SCOPE_NO_MEMORY) : 0;
}

static int import_submodule(struct scope_restore *r, PyObject *package, struct scope_span name,
                            uint32_t owner)
{
    PyObject *rest = text_of(name), *full, *module = NULL;
    int rc = 0;

    if (!rest)
        return -1;
    full = PyUnicode_FromFormat("%U.%U", package, rest);
    if (full)
        module = import(full);
    if (!module)
        rc = report(r, rest, owner);
    Py_XDECREF(module);
    Py_XDECREF(full);
    Py_DECREF(rest);
    return rc;
}

PyObject *scope_create_package(struct scope_restore *r, uint32_t slot)
{
    struct scope_span body = r->slots[slot].body;
    struct scope_field fields[PACKAGE_SUBMODULES + 1], field;
    PyObject *name, *package;

    if (scope_reader_pick(body, fields, PACKAGE_SUBMODULES) < 0) {
        scope_op_refuse(r->op, "the snapshot is damaged: a package");
        return NULL;
    }
    name = text_of(fields[PACKAGE_NAME].bytes);
    package = name ? import(name) : NULL;
    while (package && scope_reader_next(&body, &field) > 0)
        if (field.field == PACKAGE_SUBMODULES && field.wire == WIRE_LENGTH &&
            (scope_op_count(r->op) < 0 ||
             import_submodule(r, name, field.bytes, r->slots[slot].owner) < 0))
            Py_CLEAR(package);
    Py_XDECREF(name);
    return package;
}

PyObject *scope_create_global(struct scope_restore *r, struct scope_span body)
{
    struct scope_field fields[GLOBAL_QUALIFIED_NAME + 1];
    PyObject *module_name, *qualname = NULL, *module = NULL, *found = NULL;

    if (scope_reader_pick(body, fields, GLOBAL_QUALIFIED_NAME) < 0) {
        scope_op_refuse(r->op, "the snapshot is damaged: a global");
        return NULL;
    }
    module_name = text_of(fields[GLOBAL_MODULE].bytes);
    if (module_name)
        qualname = text_of(fields[GLOBAL_QUALIFIED_NAME].bytes);
    if (qualname)
        module = import(module_name);
    if (module)
        found = scope_refer_follow(module, qualname);
    Py_XDECREF(module);
    Py_XDECREF(qualname);
    Py_XDECREF(module_name);
    return found;
}
