/* What the engine calls and compares with, looked up before user code ran. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_KNOWN_H
#define VIVARIUM_VM_CPYTHON_SCOPE_KNOWN_H

#include <Python.h>

struct scope_known {
    PyObject *modules;        /* sys.modules */
    PyObject *dispatch_table; /* copyreg's; users register there */
    PyObject *newobj, *newobj_ex;
    PyObject *lru_cache; /* types from here */
    PyObject *cache_info;
    PyObject *cached_property;
    PyObject *weak_key_dict, *weak_value_dict, *weak_set, *weak_method;
    PyObject *generator_context; /* what contextlib's decorators make */
    PyObject *enum_type;         /* Enum */
    PyObject *abc_meta;
    PyObject *abc_init, *abc_register, *abc_dump; /* functions of _abc */
    /* The implementations that mean "not overridden". */
    PyObject *object_reduce_ex, *object_reduce, *object_getstate;
    PyObject *exception_reduce, *os_error_reduce, *import_error_reduce, *exception_setstate;
    destructor class_dealloc; /* of types that a class statement made */
    PyObject *type_names;     /* dict: type -> its name in module types */
    PyObject *first_modules;  /* set: names of what was loaded at set-up */
    PyObject *noop;           /* a function that takes anything and does nothing */
    /* Interned names. */
    PyObject *s_module, *s_qualname, *s_name, *s_main, *s_dict, *s_reduce_ex, *s_reduce,
        *s_getstate, *s_setstate, *s_getnewargs, *s_getnewargs_ex, *s_init_subclass, *s_abc_impl,
        *s_abstractmethods, *s_weakref, *s_path, *s_types, *s_builtins, *s_slots, *s_doc, *s_new,
        *s_data, *s_lock, *s_spec, *s_extend;
};

extern struct scope_known scope_known;

#endif
