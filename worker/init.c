/* A worker is two processes that share their memory. Init is PID 1 of the pid
 * namespace and does nothing but reap; its child, PID 2, is the VM. User code
 * can't be PID 1 itself: there os.abort() and os.kill(os.getpid(), 9) would do
 * nothing, and children of children would stay zombies.
 *
 * Init shares its memory with the VM (CLONE_VM), because a second fork would
 * copy the warm interpreter's page tables a second time. From the clone on it
 * must therefore touch nothing but its own frame: it stays in raw system calls,
 * with every signal blocked, and the VM's stack begins a gap below it on the
 * same main stack. Hostile code may write to that frame; what init then says
 * or does is no more than the VM itself may say and do. */
#include "worker/init.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/frame.h"
#include "worker/jail.h"
#include "worker/raw.h"
#include "worker/serve.h"
#include "worker/thread.h"

/* Between init's frame and the VM's first. */
#define STACK_GAP (16 * 1024)

static _Noreturn void give_up(const struct viv_error *err)
{
    dprintf(STDERR_FILENO, "vivarium-worker: %s\n", err->text);
    _exit(VIV_INIT_FAILED);
}

static int enter_jail(const struct viv_seat *seat, uint64_t *ret_layers, struct viv_error *err)
{
    struct viv_jail jail = {.proc = seat->proc,
                            .channel = seat->channel,
                            .out = seat->out,
                            .err = seat->err,
                            .filter = seat->filter};

    return viv_jail_enter(&jail, ret_layers, err);
}

_Noreturn void viv_init_try(const struct viv_seat *seat)
{
    struct viv_init_trial trial = {0};

    enter_jail(seat, &trial.layers, &trial.error);
    /* A failure may come before or after the channel got its new number. */
    if (write(VIV_JAIL_CHANNEL, &trial, sizeof(trial)) < 0)
        _exit(VIV_INIT_FAILED);
    _exit(0);
}

/* While this is a lone thread with no memory of its own: from here on the kernel
 * charges what the worker takes to its group, and the supervisor sees it there
 * before it sees it run. Whose right it is was asked when the supervisor opened
 * the doors, so this process needs none. */
static int enter_groups(const struct viv_seat *seat, struct viv_error *err)
{
    for (unsigned i = 0; i < seat->door_count; i++)
        if (write(seat->doors[i], "0", 1) != 1)
            return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't enter a control group");
    return 0;
}

/* Read-only is all that the seal on the memfd leaves (proto/control_page.h). */
static int map_control_page(int fd, const struct viv_control_page **ret_page, struct viv_error *err)
{
    void *page = mmap(NULL, VIV_CONTROL_PAGE_SIZE, PROT_READ, MAP_SHARED, fd, 0);

    if (page == MAP_FAILED)
        return viv_fail_errno(err, VIV_INTERNAL, "can't map the control page");
    *ret_page = page;
    return 0;
}

static int vm_main(void *arg)
{
    viv_thread_adopt();
    viv_serve(arg);
}

/* Sends an Exited by hand: no allocation and no errno on this side. */
static void tell_end(int status)
{
    struct viv_frame_header header = {.magic = VIV_FRAME_MAGIC, .type = VIV_FRAME_EXITED};
    unsigned char message[6] = {1 << 3}; /* field 1, a varint */
    struct iovec iov[2] = {{&header, sizeof(header)}, {message, 1}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
    unsigned rest = (unsigned)status;

    for (; rest > 0x7f; rest >>= 7)
        message[iov[1].iov_len++] = (unsigned char)(rest | 0x80);
    message[iov[1].iov_len++] = (unsigned char)rest;
    header.message_len = (uint32_t)iov[1].iov_len;
    viv_raw(SYS_sendmsg, VIV_JAIL_CHANNEL, (long)&msg, MSG_NOSIGNAL | MSG_DONTWAIT, 0);
}

/* Returns when the VM has ended, however: its wait status. */
static int reap_until(pid_t vm)
{
    int status = 0;
    long pid;

    do
        pid = viv_raw(SYS_wait4, -1, (long)&status, 0, 0);
    while (pid != vm && (pid > 0 || pid == -EINTR));
    return status;
}

/* The pipes end with the VM and its children, not with init. */
static void leave_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        viv_raw(SYS_close, fd, 0, 0, 0);
}

static pid_t clone_vm(struct viv_serve *serve)
{
    char *frame = __builtin_frame_address(0);
    char *stack = (char *)((uintptr_t)(frame - STACK_GAP) & ~(uintptr_t)63);
    pid_t *tid = viv_thread_tid();
    int flags = CLONE_VM | SIGCHLD;

    if (tid)
        flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
    viv_thread_leave();
    return clone(vm_main, stack, flags, serve, NULL, NULL, tid);
}

_Noreturn void viv_init_run(const struct viv_seat *seat)
{
    struct viv_serve serve = {.channel = VIV_JAIL_CHANNEL, .ops = seat->ops, .vm = seat->vm};
    struct viv_error err;
    uint64_t layers;
    sigset_t all;
    pid_t vm;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    if (enter_groups(seat, &err) < 0 || map_control_page(seat->control, &serve.page, &err) < 0 ||
        enter_jail(seat, &layers, &err) < 0)
        give_up(&err);
    vm = clone_vm(&serve);
    if (vm < 0) {
        viv_fail_errno(&err, VIV_INTERNAL, "can't clone the VM process");
        give_up(&err);
    }
    leave_streams();
    tell_end(reap_until(vm));
    viv_raw(SYS_exit_group, 0, 0, 0, 0);
    __builtin_unreachable();
}
