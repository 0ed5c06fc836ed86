#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/known.h"

#include "worker/vm/cpython/scope/scope.h"

struct scope_known scope_known;

static int look_up_objects(void)
{
    static const struct {
        PyObject **place;
        const char *module, *name;
    } wanted[] = {
        {&scope_known.dispatch_table, "copyreg", "dispatch_table"},
        {&scope_known.newobj, "copyreg", "__newobj__"},
        {&scope_known.newobj_ex, "copyreg", "__newobj_ex__"},
        {&scope_known.lru_cache, "functools", "_lru_cache_wrapper"},
        {&scope_known.cache_info, "functools", "_CacheInfo"},
        {&scope_known.cached_property, "functools", "cached_property"},
        {&scope_known.weak_key_dict, "weakref", "WeakKeyDictionary"},
        {&scope_known.weak_value_dict, "weakref", "WeakValueDictionary"},
        {&scope_known.weak_set, "weakref", "WeakSet"},
        {&scope_known.weak_method, "weakref", "WeakMethod"},
        {&scope_known.generator_context, "contextlib", "_GeneratorContextManagerBase"},
        {&scope_known.enum_type, "enum", "Enum"},
        {&scope_known.abc_meta, "abc", "ABCMeta"},
        {&scope_known.abc_init, "_abc", "_abc_init"},
        {&scope_known.abc_register, "_abc", "_abc_register"},
        {&scope_known.abc_dump, "_abc", "_get_dump"},
    };

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        PyObject *module = PyImport_ImportModule(wanted[i].module);

        if (!module)
            return -1;
        *wanted[i].place = PyObject_GetAttrString(module, wanted[i].name);
        Py_DECREF(module);
        if (!*wanted[i].place)
            return -1;
    }
    scope_known.modules = Py_NewRef(PyImport_GetModuleDict());
    scope_known.first_modules = PySet_New(scope_known.modules);
    return scope_known.first_modules ? 0 : -1;
}

static int look_up_implementations(void)
{
    const struct {
        PyObject **place;
        PyTypeObject *type;
        const char *name;
    } wanted[] = {
        {&scope_known.object_reduce_ex, &PyBaseObject_Type, "__reduce_ex__"},
        {&scope_known.object_reduce, &PyBaseObject_Type, "__reduce__"},
        {&scope_known.object_getstate, &PyBaseObject_Type, "__getstate__"},
        {&scope_known.exception_reduce, (PyTypeObject *)PyExc_BaseException, "__reduce__"},
        {&scope_known.exception_setstate, (PyTypeObject *)PyExc_BaseException, "__setstate__"},
        {&scope_known.os_error_reduce, (PyTypeObject *)PyExc_OSError, "__reduce__"},
        {&scope_known.import_error_reduce, (PyTypeObject *)PyExc_ImportError, "__reduce__"},
    };

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        *wanted[i].place = PyDict_GetItemString(wanted[i].type->tp_dict, wanted[i].name);
        if (!*wanted[i].place)
            return -1;
        Py_INCREF(*wanted[i].place);
    }
    return 0;
}

static int intern_names(void)
{
    static const struct {
        PyObject **place;
        const char *text;
    } wanted[] = {
        {&scope_known.s_module, "__module__"},
        {&scope_known.s_qualname, "__qualname__"},
        {&scope_known.s_name, "__name__"},
        {&scope_known.s_main, "__main__"},
        {&scope_known.s_dict, "__dict__"},
        {&scope_known.s_reduce_ex, "__reduce_ex__"},
        {&scope_known.s_reduce, "__reduce__"},
        {&scope_known.s_getstate, "__getstate__"},
        {&scope_known.s_setstate, "__setstate__"},
        {&scope_known.s_getnewargs, "__getnewargs__"},
        {&scope_known.s_getnewargs_ex, "__getnewargs_ex__"},
        {&scope_known.s_init_subclass, "__init_subclass__"},
        {&scope_known.s_abc_impl, "_abc_impl"},
        {&scope_known.s_abstractmethods, "__abstractmethods__"},
        {&scope_known.s_weakref, "__weakref__"},
        {&scope_known.s_path, "__path__"},
        {&scope_known.s_types, "types"},
        {&scope_known.s_builtins, "builtins"},
        {&scope_known.s_slots, "__slots__"},
        {&scope_known.s_doc, "__doc__"},
        {&scope_known.s_new, "__new__"},
        {&scope_known.s_data, "data"},
        {&scope_known.s_lock, "lock"},
        {&scope_known.s_spec, "__spec__"},
        {&scope_known.s_extend, "extend"},
    };

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        *wanted[i].place = PyUnicode_InternFromString(wanted[i].text);
        if (!*wanted[i].place)
            return -1;
    }
    return 0;
}

/* Types without a name in builtins, such as that of functions, have one in
 * module types. */
static int name_types(void)
{
    PyObject *types = PyImport_ImportModule("types"), *key, *value;
    Py_ssize_t position = 0;
    int rc = types ? 0 : -1;

    scope_known.type_names = PyDict_New();
    if (!scope_known.type_names)
        rc = -1;
    while (rc == 0 && PyDict_Next(PyModule_GetDict(types), &position, &key, &value))
        if (PyType_Check(value))
            rc = PyDict_SetItem(scope_known.type_names, value, key);
    Py_XDECREF(types);
    return rc;
}

static PyObject *do_nothing(PyObject *self, PyObject *args, PyObject *kwargs)
{
    Py_RETURN_NONE;
}

static int make_samples(void)
{
    static PyMethodDef noop = {"__init_subclass__", (PyCFunction)(void (*)(void))do_nothing,
                               METH_VARARGS | METH_KEYWORDS, NULL};
    PyObject *sample = PyObject_CallFunction((PyObject *)&PyType_Type, "s(){}", "sample");
    PyObject *function = PyCFunction_New(&noop, NULL);

    if (sample && function) {
        scope_known.class_dealloc = ((PyTypeObject *)sample)->tp_dealloc;
        scope_known.noop = PyStaticMethod_New(function);
    }
    Py_XDECREF(sample);
    Py_XDECREF(function);
    return scope_known.noop ? 0 : -1;
}

int scope_setup(void)
{
    if (scope_known.noop)
        return 0;
    if (look_up_objects() < 0 || look_up_implementations() < 0 || intern_names() < 0 ||
        name_types() < 0)
        return -1;
    return make_samples();
}
