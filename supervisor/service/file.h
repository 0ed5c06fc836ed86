/* Small files of the configuration. */
#ifndef VIVARIUM_SERVICE_FILE_H
#define VIVARIUM_SERVICE_FILE_H

#include <stddef.h>

#include "proto/error.h"

/* The whole file, with a zero byte behind it; the caller frees it. Errors:
 * VIV_FAILED_PRECONDITION where it can't be read or is larger than `max`. */
int file_read(const char *path, size_t max, char **ret_text, size_t *ret_len,
              struct viv_error *err);

#endif
