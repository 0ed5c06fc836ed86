/* What the tests of limits share: code that takes what it shouldn't, and what is
 * to be seen of it afterwards. */
#ifndef VIVARIUM_TESTS_LIMITS_H
#define VIVARIUM_TESTS_LIMITS_H

#include <stdbool.h>

#include "tests/hostile/harness.h"

#define MS INT64_C(1000000)
#define MIB (UINT64_C(1) << 20)

/* Python: grab(mib) takes memory past every allocator, by the system call, and
 * touches it; only the kernel can stop that. */
extern const char limits_grab[];

/* A supervisor over the real worker, of `workers` slots, that does without no layer. */
void limits_config(struct viv_config *config, unsigned workers);

/* Runs limits_grab and then `code`. */
struct run *limits_run(struct viv_supervisor *supervisor, const char *tenant, const char *code,
                       const struct viv_limits *limits);

/* Directories named vivarium-<pid>-... below /sys/fs/cgroup. */
unsigned limits_count_groups(int pid);

/* Lines of /proc/self/mountinfo. */
unsigned limits_count_mounts(void);

/* Whether control groups are version 2's here. */
bool limits_version2(void);

#endif
