/* By which way the instances of a type travel, found once for each type. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_TYPES_H
#define VIVARIUM_VM_CPYTHON_SCOPE_TYPES_H

#include <Python.h>
#include <stdbool.h>

enum scope_way {
    WAY_FUNCTION,
    WAY_CLASS,
    WAY_MODULE,
    WAY_CELL,
    WAY_CODE,
    WAY_BUFFER,
    WAY_WRAPPER, /* the interpreter's own holders of functions and references */
    WAY_EXCEPTION,
    WAY_ENUM,
    WAY_INSTANCE,
    WAY_REDUCE,
};

struct scope_type {
    PyTypeObject *type; /* owned */
    enum scope_way way;
    bool slots;      /* some class of it has */
    PyObject *named; /* list: object, name, ...: instances that its module holds */
    PyObject *module;
};

struct scope_types {
    struct scope_type *items;
    size_t count, room;
};

void scope_types_free(struct scope_types *types);

/* Valid until the next call. NULL where memory is out. */
const struct scope_type *scope_types_get(struct scope_types *types, PyTypeObject *type);

/* The first of the type and its bases that no class statement made. */
PyTypeObject *scope_types_static_base(PyTypeObject *type);

#endif
