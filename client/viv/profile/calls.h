/* A profile as a tree of calls: functions, and below the innermost one the line
 * that ran. What comes from a worker is bounded here: depth, number, sums. */
#ifndef VIVARIUM_CLIENT_VIV_PROFILE_CALLS_H
#define VIVARIUM_CLIENT_VIV_PROFILE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/vivarium_client.h"

#define VIV_CALLS_NONE UINT32_MAX

struct viv_call {
    const struct viv_client_place *place; /* NULL: the root, all there is */
    bool is_line;                         /* of the function above it, which ran it */
    uint32_t first;                       /* of its callees; VIV_CALLS_NONE */
    uint32_t next;                        /* of its caller's callees */
    uint32_t depth;                       /* of the root: 0 */
    double samples;                       /* its own and its callees' */
};

/* calls[0] is the root. Points into the profile. */
struct viv_calls {
    struct viv_call *calls;
    size_t count, room;
    uint32_t depth; /* of the deepest */
};

/* Whether it is the import system's own code, which a person doesn't want to see
 * between an import and what is imported. */
bool viv_calls_is_import(const struct viv_client_place *place);

/* Without the import system. 0, or -1 where memory is out. */
int viv_calls_build(const struct viv_client_profile *profile, struct viv_calls *ret_calls);
void viv_calls_free(struct viv_calls *calls);

/* One function of a table of them. */
struct viv_hot {
    const struct viv_client_place *place; /* of the line that ran most often */
    double own, total;                    /* samples in it; in it or below it */
};

/* The functions with most samples of their own, most first, at most `max` of them.
 * Returns how many; -1 where memory is out. */
int viv_calls_hot(const struct viv_client_profile *profile, struct viv_hot *hot, size_t max);

#endif
