/* Functions and code. Marshalled code is taken at its word: a forged one can do
 * whatever the process may, which the jail around it has to bear anyway. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/create.h"

#include <marshal.h>

#include "worker/vm/cpython/scope/build.h"
#include "worker/vm/cpython/scope/fields.h"

static PyObject *read_code(struct scope_span bytes)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    return (PyObject *)PyCode_NewEmpty("fuzz", "fuzz", 1);
#else
    static const char nothing[] = "";

    /* By NULL it would be told to read from a file. */
    return PyMarshal_ReadObjectFromString(bytes.at ? (const char *)bytes.at : nothing,
                                          (Py_ssize_t)scope_span_len(bytes));
#endif
}

PyObject *scope_create_code(struct scope_restore *r, struct scope_span bytes)
{
    PyObject *code = read_code(bytes);

    if (code && !PyCode_Check(code)) {
        Py_CLEAR(code);
        scope_op_refuse(r->op, "the snapshot is damaged: a function's code is none");
    }
    return code;
}

static PyObject *code_of(struct scope_restore *r, const struct scope_field *fields)
{
    PyObject *code;

    if (!fields[FUNCTION_SHARED_CODE].field)
        return scope_create_code(r, fields[FUNCTION_CODE].bytes);
    code = scope_build_needed(r, &fields[FUNCTION_SHARED_CODE], "a function's code");
    if (code && !PyCode_Check(code)) {
        Py_CLEAR(code);
        scope_op_refuse(r->op, "the snapshot is damaged: a function's code is none");
    }
    return code;
}

static PyObject *closure_of(struct scope_restore *r, struct scope_span body, Py_ssize_t wanted)
{
    PyObject *closure = PyTuple_New(wanted), *cell;
    struct scope_field field;
    Py_ssize_t found = 0;

    while (closure && scope_reader_next(&body, &field) > 0) {
        if (field.field != FUNCTION_CLOSURE || field.wire != WIRE_LENGTH)
            continue;
        cell = scope_create_ref(r, field.bytes);
        if (cell && found < wanted && PyCell_Check(cell)) {
            PyTuple_SET_ITEM(closure, found++, Py_NewRef(cell));
            continue;
        }
        if (cell)
            scope_op_refuse(r->op, "the snapshot is damaged: a function's closure");
        Py_CLEAR(closure);
    }
    if (closure && found < wanted) {
        Py_CLEAR(closure);
        scope_op_refuse(r->op, "the snapshot is damaged: a function's closure lacks cells");
    }
    return closure;
}

static PyObject *globals_of(struct scope_restore *r, const struct scope_field *field)
{
    PyObject *globals = field->field ? scope_create_ref(r, field->bytes) : r->globals;

    if (!globals || PyDict_CheckExact(globals))
        return globals;
    scope_op_refuse(r->op, "the snapshot is damaged: a function's globals are no dict");
    return NULL;
}

static PyObject *make(struct scope_restore *r, const struct scope_field *fields, PyObject *code,
                      struct scope_span body)
{
    PyObject *globals = globals_of(r, &fields[FUNCTION_GLOBALS]), *function = NULL;
    PyObject *name = scope_build_text(r, &fields[FUNCTION_NAME]);
    PyObject *qualname = name ? scope_build_text(r, &fields[FUNCTION_QUALIFIED_NAME]) : NULL;
    PyObject *closure = NULL;

    Py_ssize_t cells = ((PyCodeObject *)code)->co_nfreevars;

    if (globals && qualname)
        closure = cells > 0 || fields[FUNCTION_CLOSURE].field ? closure_of(r, body, cells)
                                                              : PyTuple_New(0);
    if (closure)
        function = PyFunction_NewWithQualName(code, globals, qualname);
    if (function) {
        Py_XSETREF(((PyFunctionObject *)function)->func_name, Py_NewRef(name));
        if (PyTuple_GET_SIZE(closure) > 0 && PyFunction_SetClosure(function, closure) < 0)
            Py_CLEAR(function);
    }
    Py_XDECREF(closure);
    Py_XDECREF(qualname);
    Py_XDECREF(name);
    return function;
}

PyObject *scope_create_function(struct scope_restore *r, struct scope_span body)
{
    struct scope_field fields[FUNCTION_SHARED_CODE + 1];
    PyObject *code, *function;

    if (scope_reader_pick(body, fields, FUNCTION_SHARED_CODE) < 0) {
        scope_op_refuse(r->op, "the snapshot is damaged: a function");
        return NULL;
    }
    code = code_of(r, fields);
    if (!code)
        return NULL;
    function = make(r, fields, code, body);
    Py_DECREF(code);
    return function;
}

/* --- filling ---------------------------------------------------------------- */

struct parts {
    PyObject *defaults, *keyword_defaults, *annotations, *doc, *attributes, *module;
};

static int set_dict(PyObject **place, PyObject *dict)
{
    if (!dict || !PyDict_CheckExact(dict))
        return dict && dict != Py_None ? -1 : 0;
    Py_XSETREF(*place, Py_NewRef(dict));
    return 0;
}

/* The fields themselves: no user code is asked, and `None` needs no care. */
static int set(struct scope_restore *r, PyFunctionObject *function, const struct parts *parts)
{
    if (parts->defaults && parts->defaults != Py_None && !PyTuple_CheckExact(parts->defaults))
        return scope_op_refuse(r->op, "the snapshot is damaged: a function's defaults");
    if (parts->defaults && parts->defaults != Py_None)
        Py_XSETREF(function->func_defaults, Py_NewRef(parts->defaults));
    if (parts->doc)
        Py_XSETREF(function->func_doc, Py_NewRef(parts->doc));
    if (parts->module)
        Py_XSETREF(function->func_module, Py_NewRef(parts->module));
    if (set_dict(&function->func_kwdefaults, parts->keyword_defaults) < 0 ||
        set_dict(&function->func_annotations, parts->annotations) < 0 ||
        set_dict(&function->func_dict, parts->attributes) < 0)
        return scope_op_refuse(r->op, "the snapshot is damaged: a part of a function");
    return 0;
}

int scope_fill_function(struct scope_restore *r, PyObject *object, struct scope_span body)
{
    struct scope_field fields[FUNCTION_SHARED_CODE + 1], field;
    struct parts parts = {0};
    int rc = -1;

    if (scope_reader_pick(body, fields, FUNCTION_SHARED_CODE) < 0)
        return scope_op_refuse(r->op, "the snapshot is damaged: a function");
    if (scope_build_field(r, &fields[FUNCTION_DEFAULTS], &parts.defaults) == 0 &&
        scope_build_field(r, &fields[FUNCTION_KEYWORD_DEFAULTS], &parts.keyword_defaults) == 0 &&
        scope_build_field(r, &fields[FUNCTION_ANNOTATIONS], &parts.annotations) == 0 &&
        scope_build_field(r, &fields[FUNCTION_DOC], &parts.doc) == 0 &&
        scope_build_field(r, &fields[FUNCTION_ATTRIBUTES], &parts.attributes) == 0 &&
        scope_build_field(r, &fields[FUNCTION_MODULE], &parts.module) == 0)
        rc = set(r, (PyFunctionObject *)object, &parts);
    Py_XDECREF(parts.defaults);
    Py_XDECREF(parts.keyword_defaults);
    Py_XDECREF(parts.annotations);
    Py_XDECREF(parts.doc);
    Py_XDECREF(parts.attributes);
    Py_XDECREF(parts.module);
    /* A cell that failed makes the function one that can't run. */
    while (rc == 0 && (fields[FUNCTION_CLOSURE].field || fields[FUNCTION_GLOBALS].field) &&
           scope_reader_next(&body, &field) > 0)
        if ((field.field == FUNCTION_CLOSURE || field.field == FUNCTION_GLOBALS) &&
            !scope_create_ref(r, field.bytes))
            rc = -1;
    return rc;
}
