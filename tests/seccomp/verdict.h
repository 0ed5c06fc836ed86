/* What the kernel says of a system call under the worker's filter, without the
 * call being made. */
#ifndef VIVARIUM_TESTS_SECCOMP_VERDICT_H
#define VIVARIUM_TESTS_SECCOMP_VERDICT_H

#define VERDICT_ALLOWED 999
#define VERDICT_KILLED 998

/* 0: it was told that it worked; else an errno, or one of the above. */
int verdict(long number, const unsigned long args[6]);

/* "allowed", "killed", "EPERM", ... */
const char *verdict_name(int value);

#endif
