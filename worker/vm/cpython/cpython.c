#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "worker/vm/cpython/cpython.h"

#include <stdio.h>
#include <string.h>

#include "worker/vm/cpython/boot.h"
#include "worker/vm/cpython/cancel.h"
#include "worker/vm/cpython/compile.h"
#include "worker/vm/cpython/ending.h"
#include "worker/vm/cpython/failure.h"
#include "worker/vm/cpython/memory.h"
#include "worker/vm/cpython/run.h"
#include "worker/vm/cpython/scope/scope.h"
#include "worker/vm/cpython/shelves.h"
#include "worker/vm/cpython/source.h"
#include "worker/vm/cpython/streams.h"
#include "worker/vm/cpython/trace_lines.h"
#include "worker/vm/cpython/tracebacks.h"

struct viv_vm {
    size_t answer_max;
    char name[64];
};

static struct viv_vm vm;

/* Everything that is ever to be called after user code has run is looked up
 * here, while the interpreter is still as it was built. */
static int set_up(void)
{
    if (viv_cancel_setup() < 0 || viv_compile_setup() < 0 || viv_source_setup() < 0 ||
        viv_tracebacks_setup() < 0 || viv_streams_setup() < 0 || viv_ending_setup() < 0 ||
        viv_run_setup() < 0 || scope_setup() < 0)
        return -1;
    viv_trace_lines_setup();
    return 0;
}

/* What is garbage now must not be found by each clone anew; what stays is moved
 * where the collector doesn't look, since looking would write to the pages that
 * clones share. */
static int freeze(void)
{
    PyObject *gc = PyImport_ImportModule("gc"), *done = NULL;

    PyGC_Collect();
    if (gc)
        done = PyObject_CallMethod(gc, "freeze", NULL);
    Py_XDECREF(gc);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static int create(const struct viv_vm_config *config, struct viv_vm **ret_vm, const char **ret_name,
                  struct viv_error *err)
{
    const char *version = Py_GetVersion();

    viv_shelves_open();
    if (viv_boot(config->preload, err) < 0)
        return -1;
    viv_memory_setup();
    if (set_up() < 0)
        return viv_boot_fail(err, "can't prepare Python");
    viv_run_rehearse();
    if (freeze() < 0)
        return viv_boot_fail(err, "can't freeze the heap");
    viv_shelves_close();
    vm.answer_max = config->answer_max;
    snprintf(vm.name, sizeof(vm.name), "CPython %.*s", (int)strcspn(version, " "), version);
    *ret_vm = &vm;
    *ret_name = vm.name;
    return 0;
}

static void before_clone(struct viv_vm *self)
{
    PyOS_BeforeFork();
}

static void after_clone_parent(struct viv_vm *self)
{
    PyOS_AfterFork_Parent();
}

/* Clones of one zygote share the hash seed and the address layout; random's
 * generator is seeded anew by its own fork hook. */
static int adopt(struct viv_vm *self, struct viv_error *err)
{
    PyOS_AfterFork_Child();
    viv_memory_adopt();
    return 0;
}

static int run(struct viv_vm *self, const struct viv_vm_run *what, struct viv_vm_report *ret_report,
               struct viv_error *err)
{
    return viv_run(what, self->answer_max, ret_report, err);
}

/* The thread state of who waits. */
static PyThreadState *waiting;

static void wait_begin(struct viv_vm *self)
{
    waiting = PyEval_SaveThread();
}

static void wait_end(struct viv_vm *self)
{
    PyEval_RestoreThread(waiting);
}

static uint64_t steps_done(struct viv_vm *self)
{
    return viv_cancel_steps();
}

const struct viv_vm_ops viv_cpython_ops = {
    .create = create,
    .before_clone = before_clone,
    .after_clone_parent = after_clone_parent,
    .adopt = adopt,
    .run = run,
    .wait_begin = wait_begin,
    .wait_end = wait_end,
    .request_step = viv_cancel_ring,
    .steps_done = steps_done,
};
