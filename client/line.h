/* The started calls of a client that wait for its connection: all of them begin
 * once it stands, in the order in which they came. */
#ifndef VIVARIUM_CLIENT_LINE_H
#define VIVARIUM_CLIENT_LINE_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

struct viv_rpc;

struct viv_line {
    pthread_mutex_t mutex;
    TAILQ_HEAD(, viv_rpc) calls;
};

void viv_line_init(struct viv_line *line);
void viv_line_release(struct viv_line *line);

/* False: nobody waits, and with `open` this one need not either. */
bool viv_line_join(struct viv_line *line, struct viv_rpc *rpc, bool open);

void viv_line_leave(struct viv_line *line, struct viv_rpc *rpc);

/* Begins them all, on the client's thread: cancelled or not, each has its gRPC call
 * then. */
void viv_line_begin(struct viv_line *line);

#endif
