/* Calls that are allowed or not by what they are asked for. */
#include "worker/seccomp_rules.h"

#include <asm/termbits.h>
#include <errno.h>
#include <linux/prctl.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define ANY_NAMESPACE                                                                             \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
     CLONE_NEWNET)

/* Whole values are compared as 64 bits though the kernel takes 32: that refuses
 * more, never less. */
#define ALL (~(scmp_datum_t)0)

#define IS(name, index, value, error)                  \
    {                                                  \
        name, index, ALL, (scmp_datum_t)(value), error \
    }

const struct viv_seccomp_argument viv_seccomp_arguments[] = {
    {"clone", 0, ANY_NAMESPACE, 0, EPERM},
    /* Terminals: TIOCSTI and TIOCLINUX type into them, and every driver has
     * calls of its own; so a list of what is allowed. Not FIOCLEX, which would
     * have an exec close the channel: programs fall back to fcntl. */
    IS("ioctl", 1, TCGETS, ENOTTY),
    IS("ioctl", 1, TIOCGWINSZ, ENOTTY),
    IS("ioctl", 1, TIOCGPGRP, ENOTTY),
    IS("ioctl", 1, FIONREAD, ENOTTY),
    IS("ioctl", 1, FIONBIO, ENOTTY),
    IS("ioctl", 1, FIONCLEX, ENOTTY),
    /* Not PR_SET_DUMPABLE (opens /proc/self to peers), PR_SET_MM, PR_SET_SECCOMP,
     * PR_SET_MEMORY_MERGE (pages shared between tenants are a channel),
     * PR_SET_SPECULATION_CTRL, PR_SET_PTRACER, PR_SCHED_CORE. */
    IS("prctl", 0, PR_SET_NAME, EINVAL),
    IS("prctl", 0, PR_GET_NAME, EINVAL),
    IS("prctl", 0, PR_SET_PDEATHSIG, EINVAL),
    IS("prctl", 0, PR_GET_PDEATHSIG, EINVAL),
    IS("prctl", 0, PR_GET_DUMPABLE, EINVAL),
    IS("prctl", 0, PR_GET_SECCOMP, EINVAL),
    IS("prctl", 0, PR_SET_NO_NEW_PRIVS, EINVAL),
    IS("prctl", 0, PR_GET_NO_NEW_PRIVS, EINVAL),
    IS("prctl", 0, PR_CAPBSET_READ, EINVAL),
    IS("prctl", 0, PR_GET_TID_ADDRESS, EINVAL),
    IS("prctl", 0, PR_SET_CHILD_SUBREAPER, EINVAL),
    IS("prctl", 0, PR_SET_VMA, EINVAL),
    /* Not MADV_MERGEABLE (the same channel), MADV_PAGEOUT and MADV_COLD (evict
     * shared pages, then time the others), MADV_HWPOISON. */
    IS("madvise", 2, MADV_NORMAL, EINVAL),
    IS("madvise", 2, MADV_RANDOM, EINVAL),
    IS("madvise", 2, MADV_SEQUENTIAL, EINVAL),
    IS("madvise", 2, MADV_WILLNEED, EINVAL),
    IS("madvise", 2, MADV_DONTNEED, EINVAL),
    IS("madvise", 2, MADV_FREE, EINVAL),
    IS("madvise", 2, MADV_REMOVE, EINVAL),
    IS("madvise", 2, MADV_DONTFORK, EINVAL),
    IS("madvise", 2, MADV_DOFORK, EINVAL),
    IS("madvise", 2, MADV_HUGEPAGE, EINVAL),
    IS("madvise", 2, MADV_NOHUGEPAGE, EINVAL),
    IS("madvise", 2, MADV_DONTDUMP, EINVAL),
    IS("madvise", 2, MADV_DODUMP, EINVAL),
    IS("madvise", 2, MADV_WIPEONFORK, EINVAL),
    IS("madvise", 2, MADV_KEEPONFORK, EINVAL),
    IS("madvise", 2, MADV_POPULATE_READ, EINVAL),
    IS("madvise", 2, MADV_POPULATE_WRITE, EINVAL),
    /* RWF_NOWAIT tells whether a page is cached: mincore by another name. */
    IS("preadv2", 5, 0, EOPNOTSUPP),
    IS("pwritev2", 5, 0, EOPNOTSUPP),
    /* As fsync in seccomp_rules.c; else it tells whether an address is there. */
    {"msync", 2, MS_SYNC, 0, 0},
    /* Not ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC and the like, for an exec. */
    IS("personality", 0, 0, EPERM),
    IS("personality", 0, 0xffffffff, EPERM),
    /* Files, fifos and sockets; no device is ever made. Without a type it is a file. */
    {"mknod", 1, S_IFMT, 0, EPERM},
    {"mknod", 1, S_IFMT, S_IFIFO, EPERM},
    {"mknod", 1, S_IFMT, S_IFSOCK, EPERM},
    {"mknod", 1, S_IFMT, S_IFREG, EPERM},
    {"mknodat", 2, S_IFMT, 0, EPERM},
    {"mknodat", 2, S_IFMT, S_IFIFO, EPERM},
    {"mknodat", 2, S_IFMT, S_IFSOCK, EPERM},
    {"mknodat", 2, S_IFMT, S_IFREG, EPERM},
    {NULL, 0, 0, 0, 0},
};
