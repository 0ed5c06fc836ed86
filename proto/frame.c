#include "proto/frame.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/datagram.h"

#define NEEDED_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int bad(struct viv_error *err, const char *what)
{
    return viv_fail(err, VIV_INVALID_ARGUMENT, "bad frame: %s", what);
}

int viv_frame_parse(const void *datagram, size_t len, unsigned fd_count,
                    const struct viv_frame_caps *caps, struct viv_frame_header *ret_header,
                    struct viv_error *err)
{
    struct viv_frame_header h;
    bool in_memfd;
    size_t rest;

    if (len < sizeof(h))
        return bad(err, "shorter than a header");
    memcpy(&h, datagram, sizeof(h));
    rest = len - sizeof(h);
    if (h.magic != VIV_FRAME_MAGIC)
        return bad(err, "wrong magic number");
    if (h.type == VIV_FRAME_INVALID || h.type >= VIV_FRAME_TYPES)
        return bad(err, "unknown type");
    if ((h.flags & ~VIV_FRAME_BODY_IN_MEMFD) != 0 || h.reserved != 0)
        return bad(err, "unknown flags");
    if (h.message_len > VIV_FRAME_MESSAGE_MAX || h.message_len > rest)
        return bad(err, "message too long");
    if (h.body_len > caps->body_max)
        return bad(err, "body too long");
    in_memfd = (h.flags & VIV_FRAME_BODY_IN_MEMFD) != 0;
    if (rest - h.message_len != (in_memfd ? 0 : h.body_len))
        return bad(err, "length differs from the datagram's");
    if (in_memfd && (fd_count == 0 || h.body_len == 0))
        return bad(err, "memfd missing");
    if (fd_count - in_memfd > caps->fds_max)
        return bad(err, "too many descriptors");
    *ret_header = h;
    return 0;
}

/* Maps a body that a stranger made: only where it can no longer change, or
 * reading it could end in SIGBUS or in two different readings. */
static int map_body(int fd, uint64_t len, void **ret_mapping, struct viv_error *err)
{
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat st;
    void *mapping;

    if (seals < 0 || (seals & NEEDED_SEALS) != NEEDED_SEALS)
        return bad(err, "body is not a sealed memfd");
    if (fstat(fd, &st) < 0 || (uint64_t)st.st_size != len)
        return bad(err, "body's size differs from the header's");
    mapping = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapping == MAP_FAILED)
        return viv_fail_errno(err, VIV_INTERNAL, "can't map a frame's body");
    *ret_mapping = mapping;
    return 0;
}

int viv_frame_receive(int fd, bool dont_wait, void *buffer, const struct viv_frame_caps *caps,
                      struct viv_frame *ret_frame, struct viv_error *err)
{
    struct viv_frame_header h;
    struct viv_frame f = {0};
    int fds[VIV_DATAGRAM_FDS] = {0};
    unsigned fd_count = 0, body_fds;
    ssize_t n = viv_datagram_receive(fd, dont_wait, buffer, VIV_FRAME_BUFFER, fds, &fd_count, err);

    if (n <= 0)
        return (int)n;
    if (viv_frame_parse(buffer, (size_t)n, fd_count, caps, &h, err) < 0)
        goto fail;
    body_fds = (h.flags & VIV_FRAME_BODY_IN_MEMFD) ? 1 : 0;
    f.type = h.type;
    f.seq = h.seq;
    f.message = (const uint8_t *)buffer + sizeof(h);
    f.message_len = h.message_len;
    f.body = f.message + h.message_len;
    f.body_len = h.body_len;
    if (body_fds) {
        if (map_body(fds[0], h.body_len, &f.mapping, err) < 0)
            goto fail;
        f.body = f.mapping;
        close(fds[0]);
    }
    f.fd_count = fd_count - body_fds;
    memcpy(f.fds, fds + body_fds, f.fd_count * sizeof(int));
    *ret_frame = f;
    return 1;
fail:
    viv_datagram_close(fds, fd_count);
    return -1;
}

void viv_frame_release(struct viv_frame *frame)
{
    viv_datagram_close(frame->fds, frame->fd_count);
    frame->fd_count = 0;
    if (frame->mapping)
        munmap(frame->mapping, frame->body_len);
    frame->mapping = NULL;
}

int viv_frame_send(int fd, const struct viv_frame_out *out, struct viv_error *err)
{
    struct viv_frame_header h = {.magic = VIV_FRAME_MAGIC,
                                 .type = (uint16_t)out->type,
                                 .seq = out->seq,
                                 .message_len = (uint32_t)out->message_len,
                                 .body_len = out->body_len + out->tail_len};
    struct iovec iov[4] = {{&h, sizeof(h)},
                           {(void *)out->message, out->message_len},
                           {(void *)out->body, out->body_len},
                           {(void *)out->tail, out->tail_len}};
    int fds[VIV_FRAME_FDS_MAX + 1] = {-1};
    unsigned fd_count = 0;
    size_t parts = 4;
    int body_fd = -1, rc;

    if (out->message_len > VIV_FRAME_MESSAGE_MAX || out->fd_count > VIV_FRAME_FDS_MAX)
        return bad(err, "message too long or too many descriptors");
    if (out->message_len + h.body_len > VIV_FRAME_INLINE_MAX) {
        body_fd = viv_sealed_memfd_joined("viv-body", out->body, out->body_len, out->tail,
                                          out->tail_len, err);
        if (body_fd < 0)
            return -1;
        h.flags = VIV_FRAME_BODY_IN_MEMFD;
        fds[fd_count++] = body_fd;
        parts = 2;
    }
    for (unsigned i = 0; i < out->fd_count; i++)
        fds[fd_count + i] = out->fds[i];
    rc = viv_datagram_send(fd, iov, parts, fds, fd_count + out->fd_count, err);
    if (body_fd >= 0)
        close(body_fd);
    return rc;
}
