/* One screen of viv top. Pure. */
#ifndef VIVARIUM_CLIENT_VIV_TOP_SCREEN_H
#define VIVARIUM_CLIENT_VIV_TOP_SCREEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "client/vivarium_client.h"

struct viv_top_view {
    const char *target;
    int64_t now_ns; /* since 1970 */
    unsigned width;
    unsigned height; /* 0: all there is */
    bool colour;
    /* NULL: not known, and `failure` says why. */
    const struct viv_client_description *supervisor;
    const struct viv_client_list_reply *executions;
    const struct viv_client_sessions_reply *sessions;
    const char *failure;
};

/* Prints it, lines cut at the width, at most `height` of them, each ended. */
void viv_top_print(FILE *out, const struct viv_top_view *view);

#endif
