/* numpy arrays that have the memory of another. Their reduce makes a copy, and what
 * is written to the one would no longer be seen in the other; so an array within
 * the memory of one that is a name of the scope is made anew as a view of that. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/describe.h"

#include <stdlib.h>
#include <string.h>

/* What such an array occupies. */
struct extent {
    PyObject *owner; /* of the memory; borrowed, it lives as long as the array */
    Py_ssize_t start, end;
    bool writable;
};

struct named {
    PyObject *array; /* owned */
    struct extent extent;
};

struct scope_arrays {
    size_t count;
    struct named items[];
};

static bool is_array(PyObject *object)
{
    return !(Py_TYPE(object)->tp_flags & Py_TPFLAGS_HEAPTYPE) &&
           strcmp(Py_TYPE(object)->tp_name, "numpy.ndarray") == 0;
}

static PyObject *owner_of(PyObject *array)
{
    PyObject *owner = array, *next;

    while (owner && (is_array(owner) || PyMemoryView_Check(owner))) {
        next = PyObject_GetAttrString(owner, is_array(owner) ? "base" : "obj");
        if (next == Py_None) {
            Py_DECREF(next);
            break;
        }
        Py_XDECREF(next);
        owner = next;
    }
    return owner;
}

static bool is_set(PyObject *array, const char *of, const char *name)
{
    PyObject *object = PyObject_GetAttrString(array, of), *flag = NULL;
    bool set;

    if (object)
        flag = PyObject_GetAttrString(object, name);
    set = flag == Py_True;
    Py_XDECREF(flag);
    Py_XDECREF(object);
    return set;
}

static Py_ssize_t number_of(PyObject *array, const char *name)
{
    PyObject *number = PyObject_GetAttrString(array, name);
    Py_ssize_t value = number ? PyLong_AsSsize_t(number) : -1;

    Py_XDECREF(number);
    return value;
}

static Py_ssize_t address_of(PyObject *array)
{
    PyObject *about = PyObject_GetAttrString(array, "__array_interface__"), *pair = NULL;
    Py_ssize_t address = -1;

    if (about && PyDict_Check(about))
        pair = PyDict_GetItemString(about, "data");
    if (pair && PyTuple_Check(pair))
        address = PyLong_AsSsize_t(PyTuple_GET_ITEM(pair, 0));
    Py_XDECREF(about);
    return address;
}

/* Steps may be negative. */
static void add_steps(PyObject *shape, PyObject *strides, struct extent *extent)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(shape) && i < PyTuple_GET_SIZE(strides); i++) {
        Py_ssize_t far = (PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, i)) - 1) *
                         PyLong_AsSsize_t(PyTuple_GET_ITEM(strides, i));

        *(far < 0 ? &extent->start : &extent->end) += far;
    }
}

/* False where it has none, or one that can't be a view's. No exception is left. */
static bool find_extent(PyObject *array, struct extent *ret)
{
    PyObject *shape = PyObject_GetAttrString(array, "shape");
    PyObject *strides = PyObject_GetAttrString(array, "strides");

    *ret = (struct extent){.owner = owner_of(array), .start = address_of(array)};
    ret->end = ret->start + number_of(array, "itemsize");
    ret->writable = is_set(array, "flags", "writeable");
    if (shape && strides && PyTuple_Check(shape) && PyTuple_Check(strides))
        add_steps(shape, strides, ret);
    else
        ret->owner = NULL;
    if (number_of(array, "nbytes") <= 0 || is_set(array, "dtype", "hasobject"))
        ret->owner = NULL;
    Py_XDECREF(strides);
    Py_XDECREF(shape);
    if (PyErr_Occurred())
        ret->owner = NULL;
    PyErr_Clear();
    return ret->owner != NULL;
}

/* --- those that have a name ------------------------------------------------- */

static struct scope_arrays *named_arrays(PyObject *globals)
{
    struct scope_arrays *arrays =
        calloc(1, sizeof(*arrays) + (size_t)PyDict_GET_SIZE(globals) * sizeof(*arrays->items));
    size_t room = (size_t)PyDict_GET_SIZE(globals);
    PyObject *name, *value;
    Py_ssize_t position = 0;

    while (arrays && arrays->count < room && PyDict_Next(globals, &position, &name, &value)) {
        struct named *item = &arrays->items[arrays->count];

        if (!is_array(value) || !is_set(value, "flags", "c_contiguous") ||
            !find_extent(value, &item->extent))
            continue;
        item->array = Py_NewRef(value);
        arrays->count++;
    }
    PyErr_Clear();
    return arrays;
}

void scope_describe_arrays_free(struct scope_source *source)
{
    for (size_t i = 0; source->arrays && i < source->arrays->count; i++)
        Py_DECREF(source->arrays->items[i].array);
    free(source->arrays);
    source->arrays = NULL;
}

static bool holds(const struct extent *whole, const struct extent *part)
{
    return whole->owner == part->owner && whole->writable == part->writable &&
           whole->start <= part->start && whole->end >= part->end;
}

/* The widest of those that hold an array, the first of equal ones; NULL where that
 * is itself: of any two, one is a view of the other and not both. */
static const struct named *find_whole(const struct scope_arrays *arrays, PyObject *array,
                                      const struct extent *extent)
{
    const struct named *whole = NULL;

    for (size_t i = 0; i < arrays->count; i++) {
        const struct named *item = &arrays->items[i];

        if (holds(&item->extent, extent) && (!whole || item->extent.end - item->extent.start >
                                                           whole->extent.end - whole->extent.start))
            whole = item;
    }
    return whole && whole->array != array ? whole : NULL;
}

static bool is_shared(const struct scope_arrays *arrays, PyObject *owner)
{
    for (size_t i = 0; i < arrays->count; i++)
        if (arrays->items[i].extent.owner == owner)
            return true;
    return false;
}

int scope_describe_view(struct scope_source *source, PyObject *object, struct scope_shape *shape)
{
    const struct named *whole;
    struct extent extent;
    PyObject *arguments;

    if (!is_array(object))
        return 0;
    if (!source->arrays)
        source->arrays = named_arrays(source->globals);
    if (!source->arrays)
        return scope_op_abort(source->op, SCOPE_NO_MEMORY);
    if (!is_shared(source->arrays, owner_of(object)) || !find_extent(object, &extent)) {
        PyErr_Clear();
        return 0;
    }
    whole = find_whole(source->arrays, object, &extent);
    if (!whole)
        return 0;
    arguments = Py_BuildValue("(NNOnN)", PyObject_GetAttrString(object, "shape"),
                              PyObject_GetAttrString(object, "dtype"), whole->array,
                              address_of(object) - whole->extent.start,
                              PyObject_GetAttrString(object, "strides"));
    return scope_describe_call(shape, (PyObject *)Py_TYPE(object), arguments, NULL) < 0 ? -1 : 1;
}
