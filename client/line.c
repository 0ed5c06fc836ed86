#include "client/line.h"

#include "client/rpc_call.h"

void viv_line_init(struct viv_line *line)
{
    pthread_mutex_init(&line->mutex, NULL);
    TAILQ_INIT(&line->calls);
}

void viv_line_release(struct viv_line *line)
{
    pthread_mutex_destroy(&line->mutex);
}

bool viv_line_join(struct viv_line *line, struct viv_rpc *rpc, bool open)
{
    bool joins;

    pthread_mutex_lock(&line->mutex);
    joins = !open || !TAILQ_EMPTY(&line->calls);
    if (joins)
        TAILQ_INSERT_TAIL(&line->calls, rpc, line);
    rpc->in_line = joins;
    pthread_mutex_unlock(&line->mutex);
    return joins;
}

void viv_line_leave(struct viv_line *line, struct viv_rpc *rpc)
{
    pthread_mutex_lock(&line->mutex);
    TAILQ_REMOVE(&line->calls, rpc, line);
    rpc->in_line = false;
    pthread_mutex_unlock(&line->mutex);
}

static struct viv_rpc *first_of(struct viv_line *line)
{
    struct viv_rpc *first;

    pthread_mutex_lock(&line->mutex);
    first = TAILQ_FIRST(&line->calls);
    pthread_mutex_unlock(&line->mutex);
    return first;
}

void viv_line_begin(struct viv_line *line)
{
    struct viv_rpc *rpc;

    /* It leaves when it has begun: who joins meanwhile comes behind it. One that was
     * cancelled begins, too: gRPC ends it unsent, whosever event this is. */
    while ((rpc = first_of(line))) {
        viv_rpc_call_begin(rpc);
        viv_line_leave(line, rpc);
    }
}
