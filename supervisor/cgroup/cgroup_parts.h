/* Shared by the module's own files: what is behind the facade. */
#ifndef VIVARIUM_CGROUP_PARTS_H
#define VIVARIUM_CGROUP_PARTS_H

#include <sys/queue.h>

#include "supervisor/cgroup/cgroup.h"
#include "supervisor/cgroup/cgroup_text.h"

/* Version 1 has a hierarchy a controller; version 2 has one, the first. */
enum viv_cgroup_part { PART_MEMORY, PART_PIDS, PART_CPU, PART_CPUACCT, PARTS };

#define PART_ONLY PART_MEMORY

/* Longest tenant name, as VIV_ID_MAX of vivarium.h. */
#define TENANT_NAME 129

struct hierarchy {
    const char *controller; /* as libcgroup calls it; NULL: version 2's own */
    char point[VIV_CGROUP_PATH];
    char base[VIV_CGROUP_PATH]; /* below the point: the group that holds ours */
    char root[VIV_CGROUP_PATH + VIV_CGROUP_NAME];
    int base_dir, root_dir; /* the latter is flocked; -1: we have none here */
    bool shared;            /* with an earlier part: what is made and removed there is here, too */
    int error;              /* an errno: why there is none */
    const char *failed;     /* what failed with it */
};

/* A worker's group that nobody is in and that had to make room: its directories are
 * there, no descriptor of them is. Of a tenant that runs one thing after the other there
 * are two, for its next worker may start before the last one is gone. */
#define RESTING 2

struct resting {
    unsigned number;
    struct viv_cgroup_limits limits;
    bool limited;
};

/* Of its own directories no descriptor is kept either. */
struct tenant {
    bool used;
    char name[TENANT_NAME];
    unsigned number;
    unsigned held;
    unsigned next_worker;
    struct resting resting[RESTING];
    unsigned resting_count;
    struct viv_cgroup_limits limits;
    bool unsure;              /* whether the kernel has these */
    TAILQ_ENTRY(tenant) idle; /* while it holds none */
};

/* Files that every execution reads, kept open: a pread(2) is a tenth of an
 * openat(2), read(2) and close(2). Which they are is the version's. */
enum viv_cgroup_kept {
    KEPT_CPU, /* version 2: all of cpu.stat */
    KEPT_PEAK,
    KEPT_KILLS, /* version 2: all of memory.events */
    KEPT_MEMORY,
    KEPT_EMPTY,
    KEPT_FILES
};

enum group_state { GROUP_FREE, GROUP_HELD, GROUP_SPARE };

struct group {
    enum group_state state;
    bool dirty; /* something may have run in it */
    struct tenant *tenant;
    unsigned number;
    int dirs[PARTS];
    int kept[KEPT_FILES]; /* -1: there is none */
    struct viv_cgroup_entrance entrance;
    struct viv_cgroup_usage before;
    struct viv_cgroup_limits limits;
    bool limited;      /* and they are what the kernel has */
    uint64_t released; /* in which order it became a spare one */
};

struct viv_cgroup;

/* One version of the kernel's interface, called from one file. Each returns 0, or -1 with errno. */
struct viv_cgroup_version {
    /* By enum viv_cgroup_layer; of a worker's group or a tenant's. */
    int (*set[VIV_CGROUP_LAYERS])(const int dirs[PARTS], const struct viv_cgroup_limits *limits);
    /* Opens what is kept; closed with the group. */
    void (*open_files)(struct group *g);
    /* What can't be read is left alone. Of the first three every execution is asked: what
     * counts on since the group was made, and the peak since it was set back, with the
     * limit's hits where only that tells them. */
    void (*counters)(const struct group *g, struct viv_cgroup_usage *ret);
    void (*peak)(const struct group *g, struct viv_cgroup_usage *ret);
    void (*events)(const struct group *g, struct viv_cgroup_usage *ret);
    int (*empty)(const struct group *g, bool *ret);
    int (*kill)(const struct group *g);
    /* The peak starts anew; -1: it can't. */
    int (*restart_peak)(struct group *g);
    /* For another execution, without what is left of the last; -1: it can't be,
     * and the group must be made anew. */
    int (*renew)(struct group *g);
    /* What a tenant's directory needs before groups are made in it. */
    void (*open_tenant)(const int dirs[PARTS]);
    /* Opens the doors; they are closed with the group. */
    void (*entrance)(const struct group *g, struct viv_cgroup_entrance *ret);
};

extern const struct viv_cgroup_version viv_cgroup_v1;
extern const struct viv_cgroup_version viv_cgroup_v2;

struct viv_cgroup {
    enum viv_cgroup_mode mode;
    const struct viv_cgroup_version *version; /* NULL: VIV_CGROUP_NONE */
    struct viv_cgroup_config config;
    char name[VIV_CGROUP_NAME]; /* "vivarium-<pid>-<n>" */
    bool moved;                 /* v2: into a leaf of our own */
    unsigned parts;
    struct hierarchy hierarchies[PARTS];
    struct viv_cgroup_finding findings[VIV_CGROUP_LAYERS];
    struct group *groups; /* all there can be */
    unsigned group_count;
    struct group **slots;
    struct tenant *tenants;
    /* Unused ones, then those whose last worker has left longest ago. */
    TAILQ_HEAD(, tenant) idle;
    unsigned next_tenant;
    uint64_t releases;
};

/* cgroup_lib.c: all that is libcgroup's. `name` is below the mount point. */
/* -1: it finds nothing mounted. */
int viv_cgroup_lib_start(void);
int viv_cgroup_lib_make(const char *controller, const char *name, struct viv_error *err);
int viv_cgroup_lib_attach(const char *controller, const char *name, pid_t pid,
                          struct viv_error *err);

/* cgroup_host.c: fills in mode, parts, and of each hierarchy point and base. */
void viv_cgroup_host_detect(struct viv_cgroup *cg);
/* Back to having none; `why` is static. */
void viv_cgroup_host_give_up(struct viv_cgroup *cg, const char *why);

/* cgroup_root.c: our own root, locked, after what the dead left is removed. */
void viv_cgroup_root_make(struct viv_cgroup *cg);
void viv_cgroup_root_remove(struct viv_cgroup *cg);
/* <our root>/<below>; one that is there already is fine. */
int viv_cgroup_root_make_below(const struct hierarchy *h, const char *below, int *ret_dir,
                               struct viv_error *err);

/* cgroup_enable.c: version 2's controllers, down to our root. Returns an errno
 * for a controller that can't be had. */
int viv_cgroup_enable(struct viv_cgroup *cg, const char *controller);
/* The leaf, and the right to clone out of it; -1: an errno. */
int viv_cgroup_enable_cloning(struct viv_cgroup *cg);
int viv_cgroup_enable_below(int dir, const char *controller);
void viv_cgroup_enable_undo(struct viv_cgroup *cg);

/* cgroup_probe.c: fills in the findings. */
void viv_cgroup_probe(struct viv_cgroup *cg);

/* cgroup_tree.c: tenants' and workers' groups. */
int viv_cgroup_tree_tenant(struct viv_cgroup *cg, const char *name, struct tenant **ret,
                           struct viv_error *err);
int viv_cgroup_tree_group(struct viv_cgroup *cg, struct tenant *t, struct group **ret,
                          struct viv_error *err);
/* The ceiling over all of a tenant's groups. */
int viv_cgroup_tree_ceiling(struct viv_cgroup *cg, struct tenant *t,
                            const struct viv_cgroup_limits *limits, struct viv_error *err);
/* Nobody is in it, and it may be used again. */
void viv_cgroup_tree_release(struct viv_cgroup *cg, struct group *g);
int viv_cgroup_tree_attach(struct viv_cgroup *cg, const struct group *g, pid_t pid,
                           struct viv_error *err);
/* Our side of it only: the directories stay. */
void viv_cgroup_tree_forget(struct group *g);
int viv_cgroup_tree_set(struct viv_cgroup *cg, const int dirs[PARTS],
                        const struct viv_cgroup_limits *limits, struct viv_error *err);

#endif
