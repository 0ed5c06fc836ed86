/* Small things that several parts of the worker need. */
#ifndef VIVARIUM_SYS_H
#define VIVARIUM_SYS_H

#include <stdint.h>
#include <unistd.h>

#include "proto/error.h"

/* Closes the descriptor at the end of the scope; negative ones are skipped. */
#define VIV_CLOSING __attribute__((cleanup(viv_sys_close_scope)))

static inline void viv_sys_close_scope(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* Writes `text` to a file that exists, relative to `dir`, in one write(2), as
 * the files of /proc want it. 0, or -1 with errno set. */
int viv_sys_write_file(int dir, const char *path, const char *text);

/* CLOCK_MONOTONIC, nanoseconds. */
uint64_t viv_sys_now_ns(void);

/* The user namespace that the process has just entered maps one id, `inside`,
 * to `outside` of the namespace around it. `proc` is a directory descriptor of
 * a /proc that sees this process. */
int viv_sys_map_ids(int proc, unsigned inside, unsigned outside_uid, unsigned outside_gid,
                    struct viv_error *err);

#endif
