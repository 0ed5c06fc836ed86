/* The supervisor's end of a worker's control page (proto/control_page.h). */
#ifndef VIVARIUM_CONTROL_H
#define VIVARIUM_CONTROL_H

#include "proto/control_page.h"
#include "supervisor/vivarium.h"

struct control {
    int fd; /* memfd; may be mapped read-only and in no other way */
    struct viv_control_page *page;
};

/* A page of zeroes. On success release with control_close(). */
int control_open(struct control *ret_control, struct viv_error *err);
void control_close(struct control *control);

/* Zeroes the page for another worker. No process may have the last one mapped. */
void control_reset(struct control *control);

/* Sets the flag for execution `seq`. The doorbell is the caller's. */
void control_cancel(struct control *control, uint64_t seq, enum viv_cause cause,
                    const char *reason);

#endif
