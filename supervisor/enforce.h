/* The limits that are enforced from outside the worker: by its control groups
 * where there are some, by looking where there are none. All on the reactor but
 * for open and close. DESIGN.md says which stands in for which. */
#ifndef VIVARIUM_ENFORCE_H
#define VIVARIUM_ENFORCE_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/cgroup/cgroup.h"
#include "supervisor/layers.h"
#include "supervisor/vivarium.h"

struct viv_supervisor;
struct worker;
struct execution;

/* The supervisor's part of it. */
struct enforce {
    struct viv_cgroup *groups;
    uint64_t layers; /* those that this machine grants */
    bool tenants;    /* a worker serves only whose group it was born in */
    struct layers_finding findings[VIV_LAYERS];
};

/* A worker's part of it. */
struct enforced {
    struct viv_cgroup_limits limits; /* those that its group has */
    uint64_t tenant_memory_bytes; /* the ceiling of its tenant's group when it was born; 0: none */
    bool marked;                  /* counters are at 0 since its last execution */
    uint64_t oom_kills;           /* of this execution that the statistics have */
    int64_t cpu_base_ns;          /* without a group: what the VM had used before */
    uint64_t memory_base_bytes;   /* and what it held */
    uint64_t seen_bytes;          /* the most that was seen of this execution */
};

/* Before any other process is started. */
int enforce_open(struct viv_supervisor *supervisor, struct viv_error *err);
void enforce_close(struct viv_supervisor *supervisor);

/* Whose workers an execution of this tenant needs: his, or anybody's (""). */
const char *enforce_tenant(const struct viv_supervisor *supervisor, const char *tenant);

/* Whether nothing of the slot's last worker is left; what is left is killed. */
bool enforce_vacant(struct worker *worker);

/* A group for the worker that is about to be cloned, and the way into it, which
 * stays the supervisor's. */
int enforce_spawn(struct worker *worker, struct viv_cgroup_entrance *ret_entrance,
                  struct viv_error *err);

/* It said HELLO: from here on it waits, so counters may start. */
void enforce_idle(struct worker *worker);

/* Sets the limits of the execution that it is to run. VIV_RESOURCE_EXHAUSTED: it
 * holds more than that already. */
int enforce_begin(struct worker *worker, struct viv_error *err);

/* What the worker is to set before it runs its execution, where the kernel has no
 * better; 0: nothing. */
uint64_t enforce_rlimit_data(const struct worker *worker);
uint64_t enforce_rlimit_nproc(const struct worker *worker);

/* Its RUN is sent. */
void enforce_running(struct worker *worker);

/* What its execution has used so far, into the answer; and where the worker has
 * died of its memory limit, into the cancel record. */
void enforce_end(struct worker *worker, bool died);

/* Beside the SIGKILL to its init. */
void enforce_kill(struct worker *worker);

/* CPU time of all processes of its execution so far; -1: can't be told. */
int64_t enforce_cpu_ns(const struct worker *worker);

/* What the processes of the worker's execution hold, about; 0: not known. */
uint64_t enforce_memory_now(const struct worker *worker);

/* Where the kernel doesn't hold memory: looks, and ends the execution where it
 * is above its limit. Both return when to look next; INT64_MAX: never. */
int64_t enforce_first_look(const struct execution *execution);
int64_t enforce_look(struct execution *execution, int64_t now_ns);

#endif
