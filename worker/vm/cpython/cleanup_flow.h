/* From a code object taken apart to one number and some flags for each of its
 * instructions. */
#ifndef VIVARIUM_CLEANUP_FLOW_H
#define VIVARIUM_CLEANUP_FLOW_H

#include "worker/vm/cpython/cleanup_code.h"
#include "worker/vm/cpython/cleanup_map.h"

/* at[i].count for every instruction i. ODD: the budget for walking is spent. */
enum viv_code_status viv_cleanup_flow(const struct viv_code *code, struct viv_cleanup_at *at);

/* at[i].flags for every instruction i; needs the counts. */
enum viv_code_status viv_cleanup_gaps(const struct viv_code *code, struct viv_cleanup_at *at);

#endif
