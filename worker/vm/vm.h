/* The seam between a worker and the VM inside it. A VM is one folder beside
 * this file and one `const struct viv_vm_ops`; nothing outside that folder
 * knows what runs there.
 *
 * Life: create() once, in the zygote. before_clone() and after_clone_parent()
 * around every clone, in the zygote; adopt() in the clone. Then run(), any
 * number of times. All of it on one thread. */
#ifndef VIVARIUM_VM_H
#define VIVARIUM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/control_page.h"
#include "proto/error.h"

struct viv_vm;

/* The values are those of vivarium.internal.NoteKind. */
enum viv_vm_note {
    VIV_VM_NOTE_HOOK_REACHED = 1,
    VIV_VM_NOTE_CLEANUP_ENTERED = 2,
    VIV_VM_NOTE_CLEANUP_LEFT = 3,
    VIV_VM_NOTE_RAISED = 4,
};

/* The values are those of vivarium.internal.RunEnd. */
enum viv_vm_end {
    VIV_VM_COMPLETED = 1,
    VIV_VM_RAISED = 2,
    VIV_VM_CANCELLED = 3,
    VIV_VM_STEPS_EXCEEDED = 4,
    VIV_VM_MEMORY_EXCEEDED = 5,
};

struct viv_vm_config {
    /* Modules to import before the first clone; NULL-terminated, may be NULL. */
    const char *const *preload;
    /* Most bytes of a run's answer. */
    size_t answer_max;
};

struct viv_vm_run {
    const char *code; /* UTF-8 */
    size_t code_len;
    const char *filename;
    /* A serialized vivarium.v1.ScopeSnapshot to begin with; may be empty. */
    const uint8_t *scope;
    size_t scope_len;
    /* The scope is a VM's checkpoint (below), not a client's snapshot. */
    bool carried;
    /* It takes the place of all names there are; where it is refused, they stay. */
    bool replace;
    bool scope_only; /* there is no code to run */
    bool return_scope;
    bool checkpoint; /* report the scope as the code leaves it */
    uint64_t seq;
    const struct viv_control_page *page;
    uint64_t steps;             /* 0: not counted */
    uint64_t memory_soft_bytes; /* 0: none */
    uint64_t memory_bytes;      /* the kernel's limit, above it */
    /* Sample the stacks this often; 0: no. */
    uint64_t profile_interval_ns;
    /* Record so many lines as they run, those of libraries, too; 0: none. */
    uint32_t trace_lines;
    bool trace_libraries;
    /* Others follow in the same scope: don't end the program. */
    bool keep;
    /* How far a cancel has come; called in the middle of user code, so it must
     * be short and must not block. Times are CLOCK_MONOTONIC nanoseconds. */
    void (*note)(void *arg, enum viv_vm_note note, uint64_t at_ns);
    void *note_arg;
};

/* How a run ended. Times are CLOCK_MONOTONIC nanoseconds, 0: never. */
struct viv_vm_report {
    enum viv_vm_end end;
    uint64_t began_ns;
    uint64_t ended_ns; /* of a cancelled run: when the exception had left the code */
    uint64_t steps;
    bool exited; /* by the language's way to exit a program, with exit_status */
    uint32_t exit_status;
    bool reusable;      /* with keep: another run may follow */
    bool scope_refused; /* it was no scope, or a cancel came: the code did not run */
    uint64_t hook_reached_ns;
    uint64_t raised_ns;
    uint64_t cleanup_deferred_ns;
    uint32_t raise_count;
    /* A serialized vivarium.v1.ExecuteResponse that holds only result,
     * result_repr, error, scope, the manifests, profile and trace; the caller frees
     * it. May be NULL where empty. */
    uint8_t *answer;
    size_t answer_len;
    /* With run.checkpoint, or with run.keep where reusable is false: an
     * ExecuteResponse with scope and manifest, for another worker to go on from.
     * The caller frees it. */
    uint8_t *checkpoint;
    size_t checkpoint_len;
    /* What stands behind the one, the other or both: a scope may be large and is
     * not copied. The caller unmaps the `map`. */
    const void *tail;
    size_t tail_len;
    void *map;
    size_t map_len;
    bool answer_has_tail, checkpoint_has_tail;
};

struct viv_vm_ops {
    /* Starts the VM. `*ret_name` ("CPython 3.11.2") is static. */
    int (*create)(const struct viv_vm_config *config, struct viv_vm **ret_vm, const char **ret_name,
                  struct viv_error *err);
    void (*before_clone)(struct viv_vm *vm);
    void (*after_clone_parent)(struct viv_vm *vm);
    /* In the clone, when descriptors 0 to 2 are its own. */
    int (*adopt)(struct viv_vm *vm, struct viv_error *err);
    /* Runs code in the VM's scope. Fails only where there is no telling how
     * the run went; whatever the code did is a report. */
    int (*run)(struct viv_vm *vm, const struct viv_vm_run *run, struct viv_vm_report *ret_report,
               struct viv_error *err);
    /* Around the wait for a run: threads that code has left go on meanwhile. */
    void (*wait_begin)(struct viv_vm *vm);
    void (*wait_end)(struct viv_vm *vm);
    /* Makes the VM reach its step hook soon. From a signal handler. */
    void (*request_step)(void);
    /* Steps of the current or last run; NULL where the VM doesn't count. */
    uint64_t (*steps_done)(struct viv_vm *vm);
};

#endif
