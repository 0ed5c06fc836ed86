/* A snapshot on its way in: where each object's message is, and what has become
 * of it. Objects are made when they are wanted first, in two steps that a loop
 * needs: created, and filled with what may refer back to them. */
#ifndef VIVARIUM_VM_CPYTHON_SCOPE_TABLE_H
#define VIVARIUM_VM_CPYTHON_SCOPE_TABLE_H

#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#include "worker/vm/cpython/scope/manifest.h"
#include "worker/vm/cpython/scope/op.h"
#include "worker/vm/cpython/scope/reader.h"

enum scope_state {
    SLOT_NEW,
    SLOT_CREATING, /* what it is made of is being made */
    SLOT_CREATED,
    SLOT_FILLING,
    SLOT_COMPLETE,
    SLOT_FAILED,
};

#define SCOPE_NO_SLOT UINT32_MAX

enum scope_verdict { NOT_JUDGED, IS_SCALAR, NO_SCALAR };

struct scope_slot {
    struct scope_span body; /* of the kind's message, string or bytes */
    PyObject *object;       /* owned; NULL until created */
    PyObject *reason;       /* str, where it failed by itself */
    uint32_t cause;         /* the object by which it failed */
    uint32_t begun;         /* when, as a number that only grows */
    uint32_t low;           /* of the objects it led to that were unfinished, the one begun first */
    uint32_t log_mark;      /* how many were complete when it was begun */
    uint32_t owner;         /* entry of the manifest */
    uint32_t size;          /* of its message */
    uint32_t height;        /* how deep its hash goes, of tuples */
    uint8_t kind;           /* enum scope_object_field; 0: none that is known */
    uint8_t state;
    uint8_t scalar; /* enum scope_verdict, of a value */
    bool early;     /* an instance that was hashed before it was complete, or its dict */
};

enum scope_goal { GOAL_CREATED, GOAL_COMPLETE };

struct scope_task {
    uint32_t slot;
    uint8_t goal;
    uint8_t stage;
};

struct scope_binding {
    struct scope_span name, value;
    uint32_t size;
};

#define SCOPE_KEY_CACHE 1024

struct scope_restore {
    struct scope_op *op;
    PyObject *globals;
    struct scope_slot *slots;
    uint32_t slot_count;
    struct scope_binding *bindings;
    uint32_t binding_count;
    bool same_python;
    char python[32]; /* the sender's version, for messages */
    struct scope_task *tasks;
    size_t task_count, task_room;
    uint32_t *log; /* slots in the order in which they became complete */
    uint32_t log_count, begun;
    uint32_t blamed;   /* after a -1: the object that failed before; SCOPE_NO_SLOT: none */
    uint32_t current;  /* the slot at work */
    bool hashing;      /* what is built will be hashed */
    uint32_t height;   /* of what was built since it was set to 0 */
    uint32_t last_set; /* the name that was set last, and whether any was out of order */
    bool out_of_order;
    struct scope_manifest manifest;
    PyObject *keys[SCOPE_KEY_CACHE]; /* short text that keys are made of */
};

/* Finds the parts of a snapshot. `data` must outlive it. Fails with
 * VIV_INVALID_ARGUMENT or as the operation does. */
int scope_table_read(struct scope_restore *r, const void *data, size_t len, struct viv_error *err);
void scope_table_free(struct scope_restore *r);

#endif
