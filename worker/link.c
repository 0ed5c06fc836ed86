#include "worker/link.h"

#include "proto/datagram.h"

int viv_link_receive(int link, struct viv_zygote_message *ret_message,
                     int ret_fds[VIV_SPAWN_FDS_MAX], struct viv_error *err)
{
    int fds[VIV_DATAGRAM_FDS];
    unsigned fd_count = 0;
    ssize_t n =
        viv_datagram_receive(link, false, ret_message, sizeof(*ret_message), fds, &fd_count, err);

    if (n <= 0)
        return (int)n;
    if ((size_t)n != sizeof(*ret_message) || fd_count > VIV_SPAWN_FDS_MAX) {
        viv_datagram_close(fds, fd_count);
        return viv_fail(err, VIV_INTERNAL, "the supervisor is of another build");
    }
    for (unsigned i = 0; i < VIV_SPAWN_FDS_MAX; i++)
        ret_fds[i] = i < fd_count ? fds[i] : -1;
    return 1;
}

int viv_link_send(int link, const struct viv_zygote_message *message, int fd, struct viv_error *err)
{
    const struct iovec part = {(void *)message, sizeof(*message)};

    return viv_datagram_send(link, &part, 1, &fd, fd >= 0, err);
}
