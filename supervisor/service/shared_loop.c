#include "supervisor/service/shared_loop.h"

#include <stdatomic.h>
#include <sys/epoll.h>

/* Its address is what events of the supervisor carry. */
static struct {
    _Atomic(struct viv_supervisor *) supervisor;
    int epoll_fd; /* gRPC's */
    int driven_fd;
} loop;

/* Until this thread's first wait: then it is known where gRPC polls. */
static _Thread_local struct viv_supervisor *joining;

static void join(int epoll_fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &loop};
    struct viv_supervisor *supervisor = joining;

    joining = NULL;
    loop.epoll_fd = epoll_fd;
    loop.driven_fd = viv_drive_begin(supervisor);
    atomic_store(&loop.supervisor, supervisor);
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, loop.driven_fd, &event) < 0)
        shared_loop_leave();
}

void shared_loop_join(struct viv_supervisor *supervisor)
{
    joining = supervisor;
}

void shared_loop_leave(void)
{
    struct viv_supervisor *supervisor = atomic_exchange(&loop.supervisor, NULL);

    joining = NULL;
    if (!supervisor)
        return;
    epoll_ctl(loop.epoll_fd, EPOLL_CTL_DEL, loop.driven_fd, NULL);
    viv_drive_end(supervisor);
}

/* Takes ours out of them; how many are left. */
static int take_ours(struct epoll_event *events, int n, bool *ret_ours)
{
    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr != &loop)
            continue;
        events[i] = events[n - 1];
        *ret_ours = true;
        return n - 1;
    }
    return n;
}

int epoll_wait(int epoll_fd, struct epoll_event *events, int max, int timeout)
{
    struct viv_supervisor *supervisor;
    bool ours = false;
    int n;

    if (joining)
        join(epoll_fd);
    n = take_ours(events, epoll_pwait(epoll_fd, events, max, timeout, NULL), &ours);
    supervisor = ours ? atomic_load(&loop.supervisor) : NULL;
    if (supervisor)
        viv_drive(supervisor);
    return n;
}
