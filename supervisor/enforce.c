#include "supervisor/enforce.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/cgroup/cgroup_text.h"
#include "supervisor/clock.h"
#include "supervisor/limits.h"
#include "supervisor/process_tree.h"
#include "supervisor/supervisor.h"

#define HAS(s, layer) ((s)->enforce.layers & VIV_LAYER_BIT(layer))

/* The control groups' two layers of processors are one to the outside. */
static const struct {
    enum viv_cgroup_layer part;
    enum viv_layer whole;
} parts[] = {{VIV_CGROUP_MEMORY, VIV_LAYER_CGROUP_MEMORY},
             {VIV_CGROUP_SWAP, VIV_LAYER_CGROUP_SWAP},
             {VIV_CGROUP_PIDS, VIV_LAYER_CGROUP_PIDS},
             {VIV_CGROUP_CPU_QUOTA, VIV_LAYER_CGROUP_CPU},
             {VIV_CGROUP_CPU_WEIGHT, VIV_LAYER_CGROUP_CPU}};

#define PARTS_COUNT (sizeof(parts) / sizeof(parts[0]))

/* --- the machine --------------------------------------------------------- */

static void take_findings(struct enforce *e)
{
    uint64_t missing = 0;

    for (unsigned i = 0; i < PARTS_COUNT; i++) {
        const struct viv_cgroup_finding *f = viv_cgroup_finding(e->groups, parts[i].part);

        e->layers |= VIV_LAYER_BIT(parts[i].whole);
        if (f->present || missing & VIV_LAYER_BIT(parts[i].whole))
            continue;
        missing |= VIV_LAYER_BIT(parts[i].whole);
        e->findings[parts[i].whole] = (struct layers_finding){f->why, f->remedy};
    }
    e->layers &= ~missing;
}

int enforce_open(struct viv_supervisor *s, struct viv_error *err)
{
    const struct viv_cgroup_config config = {
        .slots = s->config.workers_max,
        .tenants_max = s->config.workers_max + 256,
        .spare_max = 4, /* a group is some thirteen descriptors */
        .clone_uid = geteuid() == 0 ? VIV_ZYGOTE_UID : 0,
    };

    if (viv_cgroup_open(&config, &s->enforce.groups, err) < 0)
        return -1;
    take_findings(&s->enforce);
    s->enforce.tenants = viv_cgroup_mode(s->enforce.groups) != VIV_CGROUP_NONE;
    return layers_check(VIV_LAYERS_CGROUP, s->enforce.layers, s->config.allow_absent,
                        s->enforce.findings, err);
}

void enforce_close(struct viv_supervisor *s)
{
    viv_cgroup_close(s->enforce.groups);
}

/* --- a worker's life ----------------------------------------------------- */

const char *enforce_tenant(const struct viv_supervisor *s, const char *tenant)
{
    return s->enforce.tenants ? tenant : "";
}

bool enforce_vacant(struct worker *w)
{
    struct viv_cgroup *groups = w->supervisor->enforce.groups;

    if (viv_cgroup_release(groups, w->index, NULL) == 0)
        return true;
    viv_cgroup_kill(groups, w->index, NULL);
    return false;
}

/* Of its own processes and threads; the worker's init is one more. */
static struct viv_cgroup_limits limits_of(const struct viv_supervisor *s,
                                          const struct viv_limits *limits)
{
    return (struct viv_cgroup_limits){.memory_bytes = limits->memory_bytes,
                                      .pids = limits->pids + 1,
                                      .cpu_millis = s->config.worker_cpu_millis};
}

static int set_limits(struct worker *w, const struct viv_cgroup_limits *limits,
                      struct viv_error *err)
{
    if (viv_cgroup_limit(w->supervisor->enforce.groups, w->index, limits, err) < 0)
        return -1;
    w->enforced.limits = *limits;
    return 0;
}

/* As the table of tenants says now; of one that is no longer in it: as the
 * configuration says. */
static struct viv_cgroup_limits ceiling_of(struct viv_supervisor *s, const char *tenant)
{
    struct viv_cgroup_limits ceiling = {.memory_bytes = s->config.tenant_memory_bytes,
                                        .pids = s->config.tenant_pids,
                                        .cpu_millis = s->config.tenant_cpu_millis};
    const struct viv_tenant_config *rules;

    pthread_mutex_lock(&s->inbox.lock);
    rules = tenants_rules_of(&s->tenants, tenant);
    if (rules)
        ceiling = (struct viv_cgroup_limits){.memory_bytes = rules->group_memory_bytes,
                                             .pids = rules->group_pids,
                                             .cpu_millis = rules->group_cpu_millis};
    pthread_mutex_unlock(&s->inbox.lock);
    return ceiling;
}

static int set_ceiling(struct worker *w, struct viv_error *err)
{
    struct viv_supervisor *s = w->supervisor;
    const struct viv_cgroup_limits ceiling = ceiling_of(s, w->demand->name);

    if (viv_cgroup_tenant(s->enforce.groups, w->demand->name, &ceiling, err) < 0)
        return -1;
    w->enforced.tenant_memory_bytes = ceiling.memory_bytes;
    return 0;
}

/* With the limits that most executions will have: then nothing is to be set when
 * one is assigned. */
int enforce_spawn(struct worker *w, struct viv_cgroup_entrance *ret_entrance, struct viv_error *err)
{
    struct viv_supervisor *s = w->supervisor;
    const struct viv_limits nothing_asked = {0};
    struct viv_cgroup_limits born;
    struct viv_limits usual;

    if (!s->enforce.tenants) {
        viv_cgroup_entrance(s->enforce.groups, w->index, ret_entrance);
        return 0;
    }
    limits_resolve(&nothing_asked, &s->config.defaults, &s->config.ceilings, &usual, NULL);
    born = limits_of(s, &usual);
    if (set_ceiling(w, err) < 0 ||
        viv_cgroup_prepare(s->enforce.groups, w->index, w->demand->name, err) < 0 ||
        set_limits(w, &born, err) < 0)
        return -1;
    viv_cgroup_entrance(s->enforce.groups, w->index, ret_entrance);
    return 0;
}

static void mark(struct worker *w)
{
    struct viv_cgroup *groups = w->supervisor->enforce.groups;
    int64_t cpu = viv_cgroup_counts_cpu(groups, w->index) ? 0 : process_tree_cpu_ns(w->vm_pid);

    viv_cgroup_mark(groups, w->index, NULL);
    w->enforced.cpu_base_ns = cpu > 0 ? cpu : 0;
    w->enforced.oom_kills = 0;
    w->enforced.marked = true;
}

void enforce_idle(struct worker *w)
{
    mark(w);
    /* Of the pristine one: what a session keeps is its own. */
    if (!HAS(w->supervisor, VIV_LAYER_CGROUP_MEMORY))
        w->enforced.memory_base_bytes = process_tree_rss_bytes(w->init_pid);
}

/* Without the kernel's limit: no process of it gets much more address space than
 * it may use, so that one big grab ends in a MemoryError and not in a race with
 * the next look. Thread stacks are mostly air. */
uint64_t enforce_rlimit_data(const struct worker *w)
{
    const struct viv_limits *limits = &w->execution->limits;
    uint64_t stacks = (uint64_t)limits->pids * (8 << 20);

    if (HAS(w->supervisor, VIV_LAYER_CGROUP_MEMORY))
        return 0;
    return w->enforced.memory_base_bytes + limits->memory_bytes + stacks;
}

/* The kernel counts within the worker's own user namespace (Linux 5.14), so this
 * is its own number; init is one more. */
uint64_t enforce_rlimit_nproc(const struct worker *w)
{
    return HAS(w->supervisor, VIV_LAYER_CGROUP_PIDS) ? 0 : w->execution->limits.pids + 1;
}

int enforce_begin(struct worker *w, struct viv_error *err)
{
    struct viv_supervisor *s = w->supervisor;
    const struct viv_limits *asked = &w->execution->limits;
    struct viv_cgroup_limits limits = limits_of(s, asked);

    /* What a session does for itself must have room for what it holds. */
    if (execution_is_own(w->execution) && limits.memory_bytes < w->enforced.limits.memory_bytes)
        limits.memory_bytes = w->enforced.limits.memory_bytes;

    if (!s->enforce.tenants)
        return 0;
    /* It may have changed since the worker was born. What the kernel can't set now it
     * is asked for again at the next start. */
    set_ceiling(w, NULL);
    if (viv_cgroup_limits_equal(&limits, &w->enforced.limits))
        return 0;
    if (set_limits(w, &limits, err) == 0)
        return 0;
    return err->status != VIV_RESOURCE_EXHAUSTED
               ? -1
               : viv_fail(err, VIV_RESOURCE_EXHAUSTED,
                          "its memory limit of %" PRIu64
                          " bytes is below what the worker holds before the code runs",
                          limits.memory_bytes);
}

/* Reading and resetting takes some 20 microseconds: after the RUN is sent, they
 * pass while the worker is at work already. */
void enforce_running(struct worker *w)
{
    if (!w->enforced.marked)
        mark(w);
    w->enforced.marked = false;
    w->enforced.seen_bytes = 0;
}

void enforce_kill(struct worker *w)
{
    struct viv_supervisor *s = w->supervisor;

    /* Version 1 has no such kill; there the pid namespace's end is enough, and
     * where there is none, a list of pids must do. */
    if (viv_cgroup_mode(s->enforce.groups) == VIV_CGROUP_V2 ||
        !(w->zygote->layers & VIV_LAYER_BIT(VIV_LAYER_PID_NAMESPACE)))
        viv_cgroup_kill(s->enforce.groups, w->index, NULL);
}

/* --- what it used -------------------------------------------------------- */

/* Nobody but the kernel killed it. What a child of the code died of is the
 * code's own affair, and its outcome what it makes of that. */
static bool died_of_memory(const struct worker *w, const struct viv_cgroup_usage *u)
{
    bool by_kill = !w->has_status || (WIFSIGNALED(w->status) && WTERMSIG(w->status) == SIGKILL);

    return u->oom_kills > 0 && by_kill && !w->conviction[0] && !w->execution->answer.given;
}

static void say_killed(const struct worker *w, const struct viv_cgroup_usage *u)
{
    uint64_t ceiling = w->enforced.tenant_memory_bytes;
    struct cancel_record *c = &w->execution->cancel;
    char reason[sizeof(c->reason)];

    if (u->memory_limit_hits > 0 || !ceiling)
        snprintf(reason, sizeof(reason),
                 "killed by the kernel at its memory limit: peak %" PRIu64 " of %" PRIu64 " bytes",
                 u->memory_peak_bytes, w->enforced.limits.memory_bytes);
    else
        snprintf(reason, sizeof(reason),
                 "killed by the kernel at the tenant's memory ceiling of %" PRIu64
                 " bytes: its own peak was %" PRIu64 " of %" PRIu64 " bytes",
                 ceiling, u->memory_peak_bytes, w->enforced.limits.memory_bytes);
    /* A cancel that was under way keeps its cause, and ended in a kill. */
    cancel_record_latch(c, VIV_CAUSE_MEMORY, reason, clock_now());
    if (!c->killed_ns)
        c->killed_ns = clock_now();
    if (!c->processes_killed)
        c->processes_killed = (unsigned)u->oom_kills;
}

/* Of an execution that was cancelled it is told twice: of its answer, and of its worker's end. */
static void count_kills(struct worker *w, uint64_t oom_kills)
{
    if (oom_kills <= w->enforced.oom_kills)
        return;
    stats_add(&w->supervisor->stats.oom_kills, oom_kills - w->enforced.oom_kills);
    w->enforced.oom_kills = oom_kills;
}

/* The total is the kernel's. Of its two parts, which nothing depends on, the kernel has
 * estimates too, of two files more: so they are as the process told, or the zygote of it. */
static void take_cpu(struct answer *a, uint64_t total_ns)
{
    uint64_t user, system;

    viv_cgroup_text_split(total_ns, (uint64_t)a->user_cpu_ns, (uint64_t)a->system_cpu_ns, &user,
                          &system);
    a->user_cpu_ns = (int64_t)user;
    a->system_cpu_ns = (int64_t)system;
}

void enforce_end(struct worker *w, bool died)
{
    struct viv_cgroup_usage u = {0};
    struct answer *a = &w->execution->answer;

    if (!w->execution->began_ns ||
        viv_cgroup_spent(w->supervisor->enforce.groups, w->index, &u, NULL) < 0)
        return;
    count_kills(w, u.oom_kills);
    if (u.cpu_ns > 0)
        take_cpu(a, u.cpu_ns);
    if (u.memory_peak_bytes > 0)
        a->peak_rss_bytes = u.memory_peak_bytes;
    else if (w->enforced.seen_bytes > a->peak_rss_bytes)
        a->peak_rss_bytes = w->enforced.seen_bytes;
    if (died && died_of_memory(w, &u))
        say_killed(w, &u);
}

int64_t enforce_cpu_ns(const struct worker *w)
{
    const struct viv_cgroup *groups = w->supervisor->enforce.groups;
    /* By this the kernel brings what runs just now up to date, also in the group. */
    int64_t vm = process_tree_cpu_ns(w->vm_pid);
    struct viv_cgroup_usage u;

    if (viv_cgroup_counts_cpu(groups, w->index) &&
        viv_cgroup_spent(groups, w->index, &u, NULL) == 0)
        return (int64_t)u.cpu_ns;
    return vm < 0 ? -1 : vm - w->enforced.cpu_base_ns;
}

/* --- the stand-in for a memory limit ------------------------------------- */

/* As fast as a processor fills fresh pages, about. */
#define BYTES_PER_NS 2
#define LOOK_SOON_NS INT64_C(5000000)
#define LOOK_LATE_NS INT64_C(100000000)

/* Resident sizes count a shared page once for each who has it: too much is only
 * what the exact figure, which takes longer, confirms. */
static uint64_t held_bytes(const struct worker *w, uint64_t limit)
{
    uint64_t base = w->enforced.memory_base_bytes;
    uint64_t held = process_tree_rss_bytes(w->init_pid);

    if (held > base + limit)
        held = process_tree_pss_bytes(w->init_pid, held);
    return held > base ? held - base : 0;
}

uint64_t enforce_memory_now(const struct worker *w)
{
    struct viv_cgroup_usage u;
    uint64_t held, base = w->enforced.memory_base_bytes;

    if (HAS(w->supervisor, VIV_LAYER_CGROUP_MEMORY))
        return viv_cgroup_usage(w->supervisor->enforce.groups, w->index, &u, NULL) < 0
                   ? 0
                   : u.memory_bytes;
    held = process_tree_rss_bytes(w->init_pid);
    return held > base ? held - base : 0;
}

int64_t enforce_first_look(const struct execution *e)
{
    return HAS(e->supervisor, VIV_LAYER_CGROUP_MEMORY) ? INT64_MAX : e->began_ns + LOOK_SOON_NS;
}

int64_t enforce_look(struct execution *e, int64_t now_ns)
{
    uint64_t limit = e->limits.memory_bytes, held;
    char reason[128];
    int64_t wait;

    held = held_bytes(e->worker, limit);
    if (held > e->worker->enforced.seen_bytes)
        e->worker->enforced.seen_bytes = held;
    if (held > limit) {
        snprintf(reason, sizeof(reason),
                 "killed at its memory limit: measured %" PRIu64 " of %" PRIu64 " bytes", held,
                 limit);
        cancel_execution(e, VIV_CAUSE_MEMORY, reason, true);
        return INT64_MAX;
    }
    wait = (int64_t)((limit - held) / BYTES_PER_NS);
    return now_ns + (wait < LOOK_SOON_NS   ? LOOK_SOON_NS
                     : wait > LOOK_LATE_NS ? LOOK_LATE_NS
                                           : wait);
}
