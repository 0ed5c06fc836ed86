/* The last step of the jail: which system calls there are at all. */
#ifndef VIVARIUM_SECCOMP_H
#define VIVARIUM_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <sys/types.h>

#include "proto/error.h"

/* The descriptor of the channel to the supervisor. */
#define VIV_SECCOMP_CHANNEL 3

struct viv_seccomp_config {
    bool network;    /* sockets of IPv4 and IPv6 */
    bool no_sockets; /* none of AF_UNIX either, but pairs that are connected for good */
    bool another;    /* filter may follow: the second one */
};

/* A program for the kernel. Made once, in the zygote; a worker installs it in
 * one system call and allocates nothing. */
struct viv_seccomp {
    struct sock_filter *code;
    unsigned short len;
};

/* The caller ends *ret by viv_seccomp_release(). */
int viv_seccomp_build(const struct viv_seccomp_config *config, struct viv_seccomp *ret,
                      struct viv_error *err);

/* A second one, for where there is no pid namespace: no new processes, so that
 * one SIGKILL ends all; no signal to anybody but the process itself; no escape
 * from the parent's death signal. */
int viv_seccomp_build_alone(struct viv_seccomp *ret, struct viv_error *err);

/* Says in that one who the process itself is, in place: once. */
void viv_seccomp_name_self(struct viv_seccomp *filter, pid_t self);

/* For the calling thread, which should be the only one, and what comes of it.
 * no_new_privs must be set, or CAP_SYS_ADMIN be held. */
int viv_seccomp_install(const struct viv_seccomp *filter, struct viv_error *err);

/* NULL-safe, twice is fine. */
void viv_seccomp_release(struct viv_seccomp *filter);

#endif
