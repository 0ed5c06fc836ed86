/* Datagrams that viv_frame_send() would never send: a peer that means harm. */
#ifndef VIVARIUM_TESTS_RAW_FRAME_H
#define VIVARIUM_TESTS_RAW_FRAME_H

#include "proto/frame.h"

/* Sends header (NULL: none), `rest` bytes of 'x' and descriptors in one datagram; fails the
 * test where the kernel refuses. */
void raw_send(int fd, const struct viv_frame_header *h, size_t rest, const int *fds,
              unsigned fd_count);

/* A memfd of `len` bytes with these F_SEAL_ bits and no others; yours. */
int raw_memfd(size_t len, int seals);

/* How many descriptors this process has open. */
unsigned open_descriptors(void);

#endif
