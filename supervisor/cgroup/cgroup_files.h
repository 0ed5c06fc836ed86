/* Small files of a control group, by the descriptor of its directory. errno
 * tells why where the return is -1. */
#ifndef VIVARIUM_CGROUP_FILES_H
#define VIVARIUM_CGROUP_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Files of more than this are cut: of a list of processes, the rest is read
 * when the first are gone. */
#define VIV_CGROUP_FILE 4096

int viv_cgroup_files_open(const char *point, const char *name, int *ret_dir);
int viv_cgroup_files_write(int dir, const char *file, const char *text);
int viv_cgroup_files_write_number(int dir, const char *file, uint64_t value);

/* Not NUL-terminated; returns the length. */
ssize_t viv_cgroup_files_read(int dir, const char *file, char ret[VIV_CGROUP_FILE]);

/* 0, or -1: absent or not understood. */
int viv_cgroup_files_number(int dir, const char *file, uint64_t *ret);
int viv_cgroup_files_field(int dir, const char *file, const char *key, uint64_t *ret);

/* The same of files that are kept open; the fields as far as they are there. */
int viv_cgroup_files_kept_number(int fd, uint64_t *ret);
int viv_cgroup_files_kept_fields(int fd, const char *const *keys, unsigned count, uint64_t *ret);

/* SIGKILL to every process listed in cgroup.procs. Returns how many. */
size_t viv_cgroup_files_kill(int dir);

/* A whole file of /proc, NUL-terminated, for the caller to free; NULL: errno. */
char *viv_cgroup_files_slurp(const char *path);

#endif
