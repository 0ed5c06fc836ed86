#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/resolve.h"

#include "worker/vm/cpython/scope/create.h"
#include "worker/vm/cpython/scope/scan.h"

/* Stages of a task. */
enum { BEGIN, CREATE, SCAN_FILL, FILL };

static int fail(struct scope_restore *r, uint32_t index)
{
    struct scope_slot *slot = &r->slots[index];

    slot->state = SLOT_FAILED;
    slot->cause = index;
    if (r->op->end == SCOPE_GOES_ON && r->blamed != SCOPE_NO_SLOT) {
        slot->cause = r->blamed;
        Py_CLEAR(r->op->reason);
        PyErr_Clear();
    } else {
        slot->reason = scope_op_take_reason(r->op);
        if (!slot->reason)
            return -1;
    }
    /* What became complete meanwhile and hangs on this by a loop is broken too. */
    for (uint32_t i = slot->log_mark; i < r->log_count; i++) {
        struct scope_slot *other = &r->slots[r->log[i]];

        if (other->state == SLOT_COMPLETE && other->low != SCOPE_NO_SLOT &&
            r->slots[other->low].begun <= slot->begun) {
            other->state = SLOT_FAILED;
            other->cause = index;
        }
    }
    return 0;
}

static int begin(struct scope_restore *r, struct scope_task *task, uint32_t owner)
{
    struct scope_slot *slot = &r->slots[task->slot];
    int rc;

    switch (slot->state) {
    case SLOT_NEW:
        rc = scope_scan_class(r, task->slot);
        if (rc != 0)
            return rc < 0 ? -1 : 0;
        slot->state = SLOT_CREATING;
        slot->begun = ++r->begun;
        slot->log_mark = r->log_count;
        slot->owner = owner;
        r->manifest.entries[owner].bytes += slot->size;
        task->stage = CREATE;
        return scope_scan_creation(r, task->slot);
    case SLOT_CREATED:
        if (task->goal == GOAL_COMPLETE) {
            task->stage = SCAN_FILL;
            return 0;
        }
        break;
    default:
        break;
    }
    r->task_count--;
    return 0;
}

static int create(struct scope_restore *r, struct scope_task *task)
{
    uint32_t index = task->slot;
    PyObject *object = scope_create(r, index);

    if (!object) {
        r->task_count--;
        return fail(r, index);
    }
    r->slots[index].object = object;
    r->slots[index].state = SLOT_CREATED;
    if (task->goal == GOAL_CREATED)
        r->task_count--;
    else
        task->stage = SCAN_FILL;
    return 0;
}

static int scan_fill(struct scope_restore *r, struct scope_task *task, int stage)
{
    r->slots[task->slot].state = SLOT_FILLING;
    task->stage = (uint8_t)(FILL + stage);
    return scope_scan_fill(r, task->slot, stage);
}

static int fill(struct scope_restore *r, struct scope_task *task)
{
    uint32_t index = task->slot;
    int stage = task->stage - FILL, rc = scope_fill(r, index, stage);

    if (rc > 0)
        return scan_fill(r, task, stage + 1);
    r->task_count--;
    if (rc < 0)
        return fail(r, index);
    r->slots[index].state = SLOT_COMPLETE;
    r->log[r->log_count++] = index;
    return 0;
}

static int step(struct scope_restore *r, uint32_t owner)
{
    struct scope_task *task = &r->tasks[r->task_count - 1];

    r->blamed = SCOPE_NO_SLOT;
    r->current = task->slot;
    switch (task->stage) {
    case BEGIN:
        return begin(r, task, owner);
    case CREATE:
        return create(r, task);
    case SCAN_FILL:
        return scan_fill(r, task, 0);
    default:
        return fill(r, task);
    }
}

int scope_resolve(struct scope_restore *r, struct scope_span value, uint32_t owner)
{
    int rc = scope_scan_binding(r, value);

    while (rc == 0 && r->task_count > 0)
        rc = step(r, owner);
    r->task_count = 0;
    r->current = SCOPE_NO_SLOT;
    r->blamed = SCOPE_NO_SLOT;
    return rc;
}

uint32_t scope_resolve_culprit(const struct scope_restore *r, uint32_t slot, PyObject **ret_reason)
{
    /* By which another failed, it had failed before: no loop. */
    while (r->slots[slot].cause != slot && r->slots[slot].cause != SCOPE_NO_SLOT)
        slot = r->slots[slot].cause;
    *ret_reason = r->slots[slot].reason;
    return slot;
}
