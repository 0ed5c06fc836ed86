/* A flame graph: one SVG file that needs nothing beside it, with a little script
 * for zoom and search. Texts from the worker are escaped. */
#ifndef VIVARIUM_CLIENT_VIV_PROFILE_FLAME_H
#define VIVARIUM_CLIENT_VIV_PROFILE_FLAME_H

#include <stdio.h>

#include "client/vivarium_client.h"

/* 0, or -1 where memory is out; errors of the file are for ferror(). */
int viv_flame_write(FILE *out, const struct viv_client_profile *profile, const char *title);

/* Collapsed stacks, as flamegraph.pl, speedscope and others read them:
 * "<module> (job.py:7);f (job.py:3) 42", a line each. */
void viv_flame_write_collapsed(FILE *out, const struct viv_client_profile *profile);

#endif
