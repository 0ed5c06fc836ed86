/* Two filters, both real: of several the kernel takes the strictest answer, and
 * of equally strict ones the last installed. The first answers everything by an
 * errno that nobody else uses; the second is the worker's. So what the worker's
 * lets pass comes back with that errno, and nothing is ever executed. */
#include "tests/seccomp/verdict.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/seccomp.h"

#define NUMBER offsetof(struct seccomp_data, nr)

/* Lets the second filter in, and the process out. */
static int answer_by_mark(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NUMBER),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | VERDICT_ALLOWED),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static _Noreturn void ask(const struct viv_seccomp *filter, long number, const unsigned long a[6],
                          int *ret)
{
    struct rlimit no_core = {0, 0};
    long rc;

    setrlimit(RLIMIT_CORE, &no_core);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (answer_by_mark() < 0 || viv_seccomp_install(filter, NULL) < 0)
        _exit(1);
    rc = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    *ret = rc == -1 ? errno : (int)rc;
    _exit(0);
}

int verdict(long number, const unsigned long args[6])
{
    struct viv_seccomp filter;
    struct viv_seccomp_config config = {0};
    int *shared =
        mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status, value = -1;
    pid_t pid;

    if (shared == MAP_FAILED || viv_seccomp_build(&config, &filter, NULL) < 0)
        return -1;
    *shared = -1;
    pid = fork();
    if (pid == 0)
        ask(&filter, number, args, shared);
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status))
        value = WTERMSIG(status) == SIGSYS ? VERDICT_KILLED : -1;
    else if (number == SYS_exit_group)
        value = WEXITSTATUS(status) == (int)(args[0] & 0xff) ? VERDICT_ALLOWED : -1;
    else if (WEXITSTATUS(status) == 0)
        value = *shared;
    munmap(shared, sizeof(int));
    viv_seccomp_release(&filter);
    return value;
}

const char *verdict_name(int value)
{
    const char *name = strerrorname_np(value);

    if (value == VERDICT_ALLOWED)
        return "allowed";
    if (value == VERDICT_KILLED)
        return "killed";
    return value == 0 ? "pretended" : name ? name : "?";
}
