#define Py_BUILD_CORE_MODULE 1
#include "worker/vm/cpython/cancel_tasks.h"

#include <internal/pycore_frame.h>
#include <internal/pycore_genobject.h>
#include <opcode.h>

#include "worker/vm/cpython/cleanup_map.h"

#define MAX_AWAITS 1000

static bool is_generator(PyObject *object)
{
    return object &&
           (PyGen_CheckExact(object) || PyCoro_CheckExact(object) || PyAsyncGen_CheckExact(object));
}

static struct _PyInterpreterFrame *frame_of(PyObject *generator)
{
    PyGenObject *gen = (PyGenObject *)generator;
    if (gen->gi_frame_state >= FRAME_COMPLETED)
        return NULL;
    return (struct _PyInterpreterFrame *)gen->gi_iframe;
}

int viv_cancel_generator_count(PyObject *generator, bool *ret_enters)
{
    if (!is_generator(generator))
        return -1;
    *ret_enters = false;
    struct _PyInterpreterFrame *frame = frame_of(generator);
    if (!frame)
        return 0;
    struct viv_cleanup_at at =
        viv_cleanup_map_at(viv_cleanup_map_get(frame->f_code), _PyInterpreterFrame_LASTI(frame));
    *ret_enters = at.count == 1 && (at.flags & VIV_CLEANUP_ENTERS);
    return at.count;
}

/* What a suspended generator waits for, borrowed: it is the top of its stack
 * if it stands before the RESUME of an await or yield from. */
static PyObject *awaited(PyObject *generator)
{
    PyGenObject *gen = (PyGenObject *)generator;
    struct _PyInterpreterFrame *frame = frame_of(generator);
    if (!frame || gen->gi_frame_state != FRAME_SUSPENDED)
        return NULL;
    _Py_CODEUNIT next = frame->prev_instr[1];
    bool resume = _Py_OPCODE(next) == RESUME || _Py_OPCODE(next) == RESUME_QUICK;
    return resume && _Py_OPARG(next) >= 2 ? _PyFrame_StackPeek(frame) : NULL;
}

static enum viv_tasks chain_state(PyObject *coroutine)
{
    enum viv_tasks state = VIV_TASKS_CLEAR;
    for (int i = 0; i < MAX_AWAITS && is_generator(coroutine); i++) {
        bool enters;
        if (viv_cancel_generator_count(coroutine, &enters) > 0) {
            if (!enters)
                return VIV_TASKS_CLEANUP;
            state = VIV_TASKS_ENTER;
        }
        coroutine = awaited(coroutine);
    }
    return state;
}

/* A borrowed attribute of an imported module. */
static PyObject *module_item(const char *module, const char *name)
{
    PyObject *modules = PyImport_GetModuleDict();
    PyObject *found = PyDict_GetItemString(modules, module);
    if (!found || !PyModule_Check(found))
        return NULL;
    return PyDict_GetItemString(PyModule_GetDict(found), name);
}

/* The loop that runs in this thread, or NULL. New reference. Only through
 * asyncio's C function: a Python one in its place would be user code. */
static PyObject *running_loop(void)
{
    PyObject *get = module_item("_asyncio", "_get_running_loop");
    PyObject *loop = get && PyCFunction_CheckExact(get) ? PyObject_CallNoArgs(get) : NULL;
    if (loop == Py_None)
        Py_CLEAR(loop);
    PyErr_Clear();
    return loop;
}

/* What a task keeps under a name, through the descriptor of the C type and no
 * other, which a subclass can't replace. New reference. */
static PyObject *task_item(PyObject *task, const char *name)
{
    PyObject *type = module_item("_asyncio", "Task");
    if (!type || !PyType_Check(type) || !PyObject_TypeCheck(task, (PyTypeObject *)type))
        return NULL;
    PyObject *item = PyDict_GetItemString(((PyTypeObject *)type)->tp_dict, name);
    descrgetfunc get = item && Py_IS_TYPE(item, &PyGetSetDescr_Type) ? Py_TYPE(item)->tp_descr_get
                                                                     : NULL;
    PyObject *value = get ? get(item, task, type) : NULL;
    PyErr_Clear();
    return value;
}

/* The set of weak references inside asyncio's WeakSet of all tasks; borrowed.
 * Read from the instance's own dictionary, past any __getattribute__. */
static PyObject *all_tasks(void)
{
    PyObject *weak_set = module_item("asyncio.tasks", "_all_tasks");
    PyObject **dict = weak_set ? _PyObject_GetDictPtr(weak_set) : NULL;
    PyObject *data = dict && *dict ? PyDict_GetItemString(*dict, "data") : NULL;
    return data && PyAnySet_Check(data) ? data : NULL;
}

static enum viv_tasks task_state(PyObject *task, PyObject *loop)
{
    PyObject *own_loop = task_item(task, "_loop");
    PyObject *coroutine = own_loop == loop ? task_item(task, "_coro") : NULL;
    enum viv_tasks state = chain_state(coroutine);
    Py_XDECREF(coroutine);
    Py_XDECREF(own_loop);
    return state;
}

static enum viv_tasks worst_state(PyObject *set, PyObject *loop)
{
    Py_ssize_t at = 0;
    PyObject *ref;
    Py_hash_t hash;
    enum viv_tasks worst = VIV_TASKS_CLEAR;
    while (worst != VIV_TASKS_CLEANUP && _PySet_NextEntry(set, &at, &ref, &hash)) {
        enum viv_tasks state = PyWeakref_Check(ref) ? task_state(PyWeakref_GET_OBJECT(ref), loop)
                                                    : VIV_TASKS_CLEAR;
        if (state > worst)
            worst = state;
    }
    return worst;
}

enum viv_tasks viv_cancel_tasks(PyThreadState *tstate)
{
    PyObject *type, *value, *trace;
    if (tstate != PyThreadState_Get())
        return VIV_TASKS_CLEAR;
    PyErr_Fetch(&type, &value, &trace);
    PyObject *loop = running_loop();
    PyObject *tasks = loop ? all_tasks() : NULL;
    enum viv_tasks state = tasks ? worst_state(tasks, loop) : VIV_TASKS_CLEAR;
    Py_XDECREF(loop);
    PyErr_Restore(type, value, trace);
    return state;
}

bool viv_cancel_loop_runs(PyThreadState *tstate)
{
    PyObject *type, *value, *trace;
    if (tstate != PyThreadState_Get())
        return false;
    PyErr_Fetch(&type, &value, &trace);
    PyObject *loop = running_loop();
    Py_XDECREF(loop);
    PyErr_Restore(type, value, trace);
    return loop != NULL;
}
