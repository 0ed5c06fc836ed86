/* Network namespaces for workers, one for each, used again.
 *
 * To make one and to take it down is a quarter of what a worker costs: the kernel
 * registers a loopback device and some hundred files of /proc/sys for it. So the
 * zygote enters one itself before it clones, and the clone is born in it. It is
 * the zygote's user namespace that owns it, in which no worker has any right, at
 * no time. When a worker's last process is reaped, its sockets are gone too, and
 * the next one may have the namespace. What stays are counters (THREATS.md). */
#ifndef VIVARIUM_NETNS_H
#define VIVARIUM_NETNS_H

/* Kept for later; beyond that the kernel takes them down. */
#define VIV_NETNS_KEPT 64

struct viv_netns {
    int proc; /* a directory descriptor of a /proc that sees the zygote */
    int kept[VIV_NETNS_KEPT];
    unsigned count;
};

/* Moves the calling process into one that no worker is in. Returns its
 * descriptor, or -1: the clone has to make its own. */
int viv_netns_enter(struct viv_netns *netns);

/* No worker is in it any more; -1 is passed over. */
void viv_netns_release(struct viv_netns *netns, int fd);

#endif
