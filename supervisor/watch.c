#include "supervisor/watch.h"

#include <sys/epoll.h>
#include <unistd.h>

int watch_start(int epoll_fd, struct watch *watch, struct viv_error *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};

    if (watch->on || watch->fd < 0)
        return 0;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't poll a descriptor");
    watch->on = true;
    return 0;
}

void watch_stop(int epoll_fd, struct watch *watch)
{
    if (!watch->on)
        return;
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->on = false;
}

void watch_close(int epoll_fd, struct watch *watch)
{
    watch_stop(epoll_fd, watch);
    if (watch->fd >= 0)
        close(watch->fd);
    watch->fd = -1;
}
