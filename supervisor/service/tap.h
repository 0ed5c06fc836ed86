/* What clients send, looked at before gRPC is given it: frames.h says what for.
 *
 * gRPC offers no place for that, so recvmsg() and SSL_read() of the program are ours:
 * they do what those of libc and OpenSSL do, and look at what came. (DESIGN.md has what
 * else was weighed.) At the start the daemon sees for itself that gRPC reads so. */
#ifndef VIVARIUM_SERVICE_TAP_H
#define VIVARIUM_SERVICE_TAP_H

#include <stdbool.h>

#include "proto/error.h"

/* For connections with descriptors from `first` on, one at a time in a process. Before
 * there are any; ends with tap_close(), after them. */
int tap_open(int first, int count, int max_streams, struct viv_error *err);
void tap_close(void);

/* Before gRPC is given the connection. `encrypted`: what it sends is not HTTP/2 yet; it
 * is looked at once it is. */
void tap_begin(int fd, bool encrypted);

/* Ends the connection that gRPC calls so, and all of its calls. False: none is known. */
bool tap_cut(const char *peer);

/* Whether HTTP/2 has been seen to come by it. */
bool tap_saw(int fd);

#endif
