/* The lists that seccomp.c turns into a program: seccomp_rules.c, and
 * seccomp_arguments.c. */
#ifndef VIVARIUM_SECCOMP_RULES_H
#define VIVARIUM_SECCOMP_RULES_H

#include <seccomp.h>

/* Calls by name: a name that this libseccomp doesn't know is left out, and with
 * it the call is refused. */
extern const char *const viv_seccomp_allowed[]; /* NULL-terminated */

/* Refused with an errno that tells why, 0: told that it worked; all that is in
 * no list is ENOSYS. */
struct viv_seccomp_refused {
    const char *name;
    int error;
};
extern const struct viv_seccomp_refused viv_seccomp_refused[]; /* name NULL: the end */

/* Allowed where one argument, masked, has a value; else refused with `error`;
 * 0: told that it worked. Lines of one call stand together. */
struct viv_seccomp_argument {
    const char *name;
    unsigned index;
    scmp_datum_t mask, value;
    int error;
};
extern const struct viv_seccomp_argument viv_seccomp_arguments[]; /* name NULL: the end */

/* Of the second filter: refused where the argument compares so. */
struct viv_seccomp_unless {
    const char *name;
    unsigned count; /* of conditions: 0 or 1 */
    struct scmp_arg_cmp compare;
};
extern const struct viv_seccomp_unless viv_seccomp_alone[]; /* name NULL: the end */

/* Stands for the pid of a process that isn't there yet; no pid is so large. */
#define VIV_SECCOMP_SELF 0x5e1f5e1fU

#endif
