/* An execution as its user sees it: output on stdout and stderr as it comes, the
 * value, the traceback, and viv's own lines. */
#ifndef VIVARIUM_CLIENT_VIV_SHOW_H
#define VIVARIUM_CLIENT_VIV_SHOW_H

#include "client/vivarium_client.h"

struct viv_show {
    int write_errno; /* of our own standard output; 0: fine */
    bool mid_line;   /* what was written last has not ended its line */
};

/* viv_client_events.output, with a struct viv_show as its argument. */
bool viv_show_output(void *arg, enum viv_client_stream stream, const void *data, size_t len);

/* What is to be shown at the end, without the line that says how it ended. `live`:
 * the output has been shown. */
void viv_show_response(struct viv_show *show, const struct viv_client_response *response,
                       bool live);

/* What viv has to say about scope and session. */
void viv_show_scope(const struct viv_client_response *response);

/* Ends viv where its output could not be written. */
int viv_show_failed(int error);

/* "viv: TEXT" to stderr. */
void viv_show_line(const char *text);

#endif
