#include "worker/link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

union control {
    char bytes[CMSG_SPACE(VIV_SPAWN_FDS * sizeof(int))];
    struct cmsghdr align;
};

static void take_fds(struct msghdr *msg, int *fds)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(msg);

    for (unsigned i = 0; i < VIV_SPAWN_FDS; i++)
        fds[i] = -1;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
}

int viv_link_receive(int link, struct viv_zygote_message *ret_message, int ret_fds[VIV_SPAWN_FDS],
                     struct viv_error *err)
{
    union control control;
    struct iovec iov = {ret_message, sizeof(*ret_message)};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof(control.bytes)};
    ssize_t n;

    do
        n = recvmsg(link, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return 0;
    if (n < 0)
        return viv_fail_errno(err, VIV_UNAVAILABLE, "can't read from the supervisor");
    take_fds(&msg, ret_fds);
    if ((size_t)n != sizeof(*ret_message))
        return viv_fail(err, VIV_INTERNAL, "the supervisor is of another build");
    return 1;
}

int viv_link_send(int link, const struct viv_zygote_message *message, int fd, struct viv_error *err)
{
    union control control = {{0}};
    struct iovec iov = {(void *)message, sizeof(*message)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n;

    if (fd >= 0) {
        struct cmsghdr *c;

        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int));
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    }
    do
        n = sendmsg(link, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return viv_fail_errno(err, VIV_UNAVAILABLE, "can't write to the supervisor");
    return 0;
}
