#include "proto/datagram.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
    char bytes[CMSG_SPACE(VIV_DATAGRAM_FDS * sizeof(int))];
    struct cmsghdr align;
};

_Static_assert(sizeof(union control) == CMSG_LEN(VIV_DATAGRAM_FDS * sizeof(int)),
               "the control buffer has no room that the array has not");

void viv_datagram_close(const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

int viv_datagram_send(int fd, const struct iovec *parts, size_t part_count, const int *fds,
                      unsigned fd_count, struct viv_error *err)
{
    union control control = {{0}};
    struct msghdr msg = {.msg_iov = (struct iovec *)parts, .msg_iovlen = part_count};
    ssize_t n;

    if (fd_count > VIV_DATAGRAM_FDS)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "too many descriptors for one datagram");
    if (fd_count > 0) {
        struct cmsghdr *c;

        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
    }
    do
        n = sendmsg(fd, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return viv_fail(err, VIV_UNAVAILABLE, "the peer does not read");
    if (n < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't send a datagram");
    return 0;
}

static unsigned collect(struct msghdr *msg, int *fds)
{
    unsigned count = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t bytes;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        bytes = c->cmsg_len - CMSG_LEN(0);
        memcpy(fds + count, CMSG_DATA(c), bytes);
        count += (unsigned)(bytes / sizeof(int));
    }
    return count;
}

ssize_t viv_datagram_receive(int fd, bool dont_wait, void *buffer, size_t size,
                             int ret_fds[VIV_DATAGRAM_FDS], unsigned *ret_fd_count,
                             struct viv_error *err)
{
    union control control;
    struct iovec iov = {.iov_base = buffer, .iov_len = size};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof(control.bytes)};
    ssize_t n;

    do
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | (dont_wait ? MSG_DONTWAIT : 0));
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return viv_fail(err, VIV_UNAVAILABLE, "nothing to read");
    if (n < 0 && errno == ECONNRESET)
        return 0;
    if (n < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't receive a datagram");
    *ret_fd_count = collect(&msg, ret_fds);
    if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        viv_datagram_close(ret_fds, *ret_fd_count);
        return viv_fail(err, VIV_INVALID_ARGUMENT, "larger than a datagram may be");
    }
    if (n == 0) { /* maybe an empty one, with descriptors all the same */
        viv_datagram_close(ret_fds, *ret_fd_count);
        *ret_fd_count = 0;
    }
    return n;
}
