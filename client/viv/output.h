/* Bytes to a descriptor and from one. */
#ifndef VIVARIUM_CLIENT_VIV_OUTPUT_H
#define VIVARIUM_CLIENT_VIV_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/error.h"

/* All of it, whatever the descriptor's mode. False with errno where that can't
 * be; EPIPE means that the reader has gone. */
bool viv_output_write(int fd, const void *data, size_t len);

/* A file, or standard input for "-", as a NUL-terminated copy to be freed by
 * the caller. */
int viv_output_read_all(const char *path, char **ret_data, size_t *ret_len, struct viv_error *err);

#endif
