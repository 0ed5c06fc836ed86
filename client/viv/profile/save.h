/* What viv profile and viv trace leave: files, and lines on stderr. */
#ifndef VIVARIUM_CLIENT_VIV_PROFILE_SAVE_H
#define VIVARIUM_CLIENT_VIV_PROFILE_SAVE_H

#include <stdio.h>

#include "client/vivarium_client.h"

/* Writes BASE.svg and BASE.collapsed, and says so with a table of the hottest
 * functions. -1: a file can't be written. */
int viv_profile_save(const struct viv_client_profile *profile, const char *base, const char *title,
                     struct viv_error *err);

/* The lines that ran, with their source where they are of `filename`, whose text
 * is `code`. */
void viv_profile_print_trace(FILE *out, const struct viv_client_trace *trace, const char *filename,
                             const char *code);

/* The same into a file; NULL: stderr. */
int viv_profile_save_trace(const struct viv_client_trace *trace, const char *path,
                           const char *filename, const char *code, struct viv_error *err);

/* The table alone. */
void viv_profile_print_hot(FILE *out, const struct viv_client_profile *profile);

#endif
