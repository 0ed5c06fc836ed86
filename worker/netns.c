#include "worker/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

int viv_netns_enter(struct viv_netns *netns)
{
    int fd;

    if (netns->count > 0) {
        fd = netns->kept[--netns->count];
        if (setns(fd, CLONE_NEWNET) == 0)
            return fd;
        close(fd);
    }
    if (unshare(CLONE_NEWNET) < 0)
        return -1;
    return openat(netns->proc, "self/ns/net", O_RDONLY | O_CLOEXEC);
}

void viv_netns_release(struct viv_netns *netns, int fd)
{
    if (fd < 0)
        return;
    if (netns->count < VIV_NETNS_KEPT)
        netns->kept[netns->count++] = fd;
    else
        close(fd);
}
