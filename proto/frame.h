/* Frames between the supervisor and one worker.
 *
 * A frame is one datagram of a SOCK_SEQPACKET pair: a header, a small protobuf
 * message (proto/internal/worker.proto) and a body of opaque bytes. Where all of it
 * exceeds VIV_FRAME_INLINE_MAX, the body travels as a sealed memfd beside the
 * datagram. Reading a frame never allocates by a length that the peer named
 * before that length was held against a cap. */
#ifndef VIVARIUM_FRAME_H
#define VIVARIUM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

#define VIV_FRAME_MAGIC 0x56495631u /* "VIV1" */
#define VIV_FRAME_INLINE_MAX (64u * 1024)
#define VIV_FRAME_MESSAGE_MAX (4u * 1024)
#define VIV_FRAME_FDS_MAX 3

enum viv_frame_type {
    VIV_FRAME_INVALID = 0,
    /* worker to supervisor */
    VIV_FRAME_HELLO,  /* ready for work; descriptor: pidfd of the VM process */
    VIV_FRAME_NOTE,   /* progress of a cancel: a Note */
    VIV_FRAME_RESULT, /* the execution has ended: a RunResult; body: the worker's
                         part of a serialized vivarium.v1.ExecuteResponse */
    VIV_FRAME_EXITED, /* the VM process has ended, says the worker's init: an Exited */
    VIV_FRAME_SCOPE,  /* ahead of RESULT, where it was asked for; body: a serialized
                         vivarium.v1.ExecuteResponse with scope and manifest */
    /* supervisor to worker */
    VIV_FRAME_RUN, /* run this: a RunRequest; body: the code; descriptor: stdin, if any */
    VIV_FRAME_TYPES
};

#define VIV_FRAME_BODY_IN_MEMFD 1u

struct viv_frame_header {
    uint32_t magic;
    uint16_t type;
    uint16_t flags;
    uint64_t seq; /* of the execution; 0 with HELLO and EXITED */
    uint32_t message_len;
    uint32_t reserved; /* 0 */
    uint64_t body_len;
};

/* A frame as received. The spans point into the datagram's buffer or into the
 * mapped memfd; release with viv_frame_release(). */
struct viv_frame {
    enum viv_frame_type type;
    uint64_t seq;
    const uint8_t *message;
    size_t message_len;
    const uint8_t *body;
    size_t body_len;
    void *mapping;              /* of the body, or NULL */
    int fds[VIV_FRAME_FDS_MAX]; /* those beside the body's memfd; yours to close or take */
    unsigned fd_count;
};

/* What the reader permits. */
struct viv_frame_caps {
    uint64_t body_max;
    unsigned fds_max; /* beside the body's memfd */
};

/* Looks at a datagram of `len` bytes with `fd_count` descriptors. Pure: reads
 * nothing else. On success *ret_header is a copy whose lengths agree with
 * `len`, the caps and `fd_count`. */
int viv_frame_parse(const void *datagram, size_t len, unsigned fd_count,
                    const struct viv_frame_caps *caps, struct viv_frame_header *ret_header,
                    struct viv_error *err);

/* Receives one frame into `buffer` (VIV_FRAME_INLINE_MAX + sizeof header
 * bytes, aligned for a header; must live as long as the frame). Returns 1 with
 * a frame, 0 where the peer has closed, -1 with VIV_UNAVAILABLE where there is
 * nothing to read now (non-blocking socket or `dont_wait`), -1 with another
 * status where the peer broke the protocol or the socket failed. Descriptors
 * arrive close-on-exec. */
int viv_frame_receive(int fd, bool dont_wait, void *buffer, const struct viv_frame_caps *caps,
                      struct viv_frame *ret_frame, struct viv_error *err);

/* Bytes of the buffer that viv_frame_receive() wants. */
#define VIV_FRAME_BUFFER (VIV_FRAME_INLINE_MAX + sizeof(struct viv_frame_header))

/* Unmaps and closes what the frame still holds; a taken descriptor is marked
 * by setting its place to -1. */
void viv_frame_release(struct viv_frame *frame);

/* What is to be sent. The spans are read during the call only; the
 * descriptors stay the caller's. */
struct viv_frame_out {
    enum viv_frame_type type;
    uint64_t seq;
    const void *message;
    size_t message_len;
    const void *body;
    size_t body_len;
    const void *tail; /* what stands behind the body, as a part of it */
    size_t tail_len;
    const int *fds;
    unsigned fd_count;
};

/* Sends one frame. On a non-blocking socket that is full: VIV_UNAVAILABLE. */
int viv_frame_send(int fd, const struct viv_frame_out *out, struct viv_error *err);

/* A memfd that holds a copy of `data` and is sealed against every change, its
 * offset at 0. Returns the descriptor, close-on-exec, or -1. */
int viv_sealed_memfd(const char *name, const void *data, size_t len, struct viv_error *err);

/* The same of two pieces, one behind the other. */
int viv_sealed_memfd_joined(const char *name, const void *data, size_t len, const void *tail,
                            size_t tail_len, struct viv_error *err);

#endif
