/* What a pid namespace would have made harmless. Every process of the same user
 * can be signalled, and what a worker forked would outlive it. */
#include "worker/seccomp_rules.h"

#include <linux/prctl.h>
#include <sched.h>
#include <stddef.h>
#include <sys/resource.h>

/* fcntl(2)'s, which <fcntl.h> keeps to itself. */
#define SETOWN 8
#define SETOWN_EX 15

/* The kernel looks at 32 bits of these. */
#define COMPARE(i, how, a, b)                                   \
    1,                                                          \
    {                                                           \
        .arg = (i), .op = (how), .datum_a = (a), .datum_b = (b) \
    }
#define IS(i, value) COMPARE(i, SCMP_CMP_MASKED_EQ, 0xffffffff, value)
#define IS_NOT(i, value) COMPARE(i, SCMP_CMP_NE, value, 0)
#define HAS_NOT(i, bit) COMPARE(i, SCMP_CMP_MASKED_EQ, bit, 0)
#define ANY      \
    0,           \
    {            \
        .arg = 0 \
    }
#define SELF VIV_SECCOMP_SELF

const struct viv_seccomp_unless viv_seccomp_alone[] = {
    /* Threads only: then a SIGKILL to the one process leaves nothing. */
    {"fork", ANY},
    {"vfork", ANY},
    {"clone", HAS_NOT(0, CLONE_THREAD)},
    /* The supervisor, the zygote and the other workers are of the same user. */
    {"kill", IS_NOT(0, SELF)},
    {"tgkill", IS_NOT(0, SELF)},
    {"tkill", ANY},
    {"rt_sigqueueinfo", IS_NOT(0, SELF)},
    {"rt_tgsigqueueinfo", IS_NOT(0, SELF)},
    {"pidfd_send_signal", ANY},
    /* SIGIO and, by F_SETSIG, any other to whom it names. */
    {"fcntl", IS(1, SETOWN)},
    {"fcntl", IS(1, SETOWN_EX)},
    /* Their limits and their place in the queue. */
    {"prlimit64", IS_NOT(0, 0)},
    {"setpriority", IS_NOT(0, PRIO_PROCESS)},
    {"setpriority", IS_NOT(1, 0)},
    /* The worker dies with its init, and that one with the zygote. */
    {"prctl", IS(0, PR_SET_PDEATHSIG)},
    {"prctl", IS(0, PR_SET_CHILD_SUBREAPER)},
    /* This is the last one. */
    {"seccomp", ANY},
    {NULL, ANY},
};
