/* The scope on its way into a run and out of it. */
#ifndef VIVARIUM_VM_CPYTHON_CARRY_H
#define VIVARIUM_VM_CPYTHON_CARRY_H

#include <Python.h>

#include "worker/vm/cpython/answer.h"
#include "worker/vm/cpython/writer.h"
#include "worker/vm/vm.h"

/* Sets the names of the run's scope, if it brings one, and adds the
 * restore_manifest to the answer; of a checkpoint also what that left out. Runs
 * user code. -1 with an exception: the scope is none (ValueError), or a cancel
 * came (vivarium.Cancelled). With run->replace the names are then those of
 * before, else some of the scope's may have been set. */
int viv_carry_in(PyObject *globals, const struct viv_vm_run *run, struct viv_answer *answer);

/* Scope and manifest as parts of an ExecuteResponse: the pages stand behind the
 * head, which ends with what comes before them. */
struct viv_carried {
    struct viv_answer head;
    struct viv_pages scope; /* data NULL: none */
};

/* Fills it, up to head.max bytes in all. Runs user code. A scope that can't be
 * carried as a whole leaves a manifest that says why. -1 with an exception: a
 * cancel came meanwhile. */
int viv_carry_out(PyObject *globals, struct viv_carried *ret_carried);

void viv_carried_free(struct viv_carried *carried);

#endif
