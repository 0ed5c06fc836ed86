/* Which layers of the jail this machine grants, found by trying each in a child
 * that ends with it. Control groups are the supervisor's, and probed there
 * (supervisor/cgroup). */
#ifndef VIVARIUM_PROBE_H
#define VIVARIUM_PROBE_H

#include <stdbool.h>

struct viv_probe {
    const char *name;
    bool present;
    int error;          /* what the attempt failed with; 0: see why */
    char why[160];      /* "" where present, or a remark ("ABI 4") */
    const char *remedy; /* static; "" where present */
    const char *flag;   /* what --allow-absent wants to hear; "": nothing */
};

#define VIV_PROBES 17

/* In the order in which a worker needs them. */
void viv_probe_all(struct viv_probe ret[VIV_PROBES]);

#endif
