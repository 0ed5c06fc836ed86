#include "tests/unit/proto/raw_frame.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/unit/test.h"

#define FDS_ROOM 64

static char filler[2 * VIV_FRAME_BUFFER];

void raw_send(int fd, const struct viv_frame_header *h, size_t rest, const int *fds,
              unsigned fd_count)
{
    union {
        char bytes[CMSG_SPACE(FDS_ROOM * sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    size_t head = h ? sizeof(*h) : 0;
    struct iovec iov[2] = {{(void *)h, head}, {filler, rest}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

    memset(filler, 'x', sizeof(filler));
    if (fd_count > 0) {
        struct cmsghdr *c = &control.align;

        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
    }
    assert_int_equal(sendmsg(fd, &msg, 0), head + rest);
}

int raw_memfd(size_t len, int seals)
{
    int fd = memfd_create("raw", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)len), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

unsigned open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}
