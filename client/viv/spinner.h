/* A line on stderr that says how long an execution has run and what memory it
 * holds: on a terminal, after a second, and gone before anything else is written.
 * One at a time. */
#ifndef VIVARIUM_CLIENT_VIV_SPINNER_H
#define VIVARIUM_CLIENT_VIV_SPINNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/vivarium_client.h"

#define VIV_SPINNER_MAX 80

/* Does nothing where stderr is no terminal. The id must live until the stop. */
void viv_spinner_start(struct viv_client *client, const char *execution_id);
void viv_spinner_stop(void);

/* Around everything else that is written: the line is wiped, and comes back once
 * there has been nothing for a while. `mid_line`: the terminal's line has not
 * ended, so that there is no room for it. Without a spinner they do nothing. */
void viv_spinner_pause(void);
void viv_spinner_resume(bool mid_line);

/* "⠋ running 3.2 s, 45.1 MiB". `execution` may be NULL: nothing is known. Pure. */
void viv_spinner_text(unsigned tick, int64_t elapsed_ns,
                      const struct viv_client_execution *execution, char text[VIV_SPINNER_MAX]);

#endif
