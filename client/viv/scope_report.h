/* What viv says about scopes and sessions, to people. */
#ifndef VIVARIUM_CLIENT_VIV_SCOPE_REPORT_H
#define VIVARIUM_CLIENT_VIV_SCOPE_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "client/viv/report.h"

/* "1.5 KiB". */
void viv_report_size(uint64_t bytes, char *text, size_t size);

/* A table of names, types, sizes and short values, and of what was left out.
 * False where memory is out. */
bool viv_report_scope(FILE *out, const struct viv_scope *scope);

/* "viv: TITLE: NAME (TYPE): REASON" for each entry that did not travel. */
void viv_report_manifest(FILE *out, const char *title, struct viv_manifest manifest);

/* "session s-1 was restored from a snapshot 3.0 s old: its worker was evicted"; ""
 * where there is nothing to say. Pure. */
void viv_report_session(const struct viv_client_session_state *state, char line[VIV_REPORT_MAX]);

#endif
