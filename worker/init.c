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
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/frame.h"
#include "worker/jail.h"
#include "worker/prefault.h"
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
                            .layers = seat->layers,
                            .read_only_paths = seat->read_only_paths,
                            .network = seat->network,
                            .filter = seat->filter};

    return viv_jail_enter(&jail, ret_layers, err);
}

_Noreturn void viv_init_try(const struct viv_seat *seat)
{
    struct viv_init_trial trial = {0};
    int channel = seat->channel;

    /* A layer that may be absent leaves its reason behind. */
    if (enter_jail(seat, &trial.layers, &trial.error) == 0)
        trial.error.status = VIV_OK;
    /* A failure may come before the channel got its new number, which then is
     * still the link's. */
    if (fcntl(channel, F_GETFD) < 0)
        channel = VIV_JAIL_CHANNEL;
    if (write(channel, &trial, sizeof(trial)) < 0)
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

/* What init hands to the VM, on its own frame. */
struct start {
    struct viv_serve serve;
    struct viv_seccomp *alone; /* NULL: not needed */
    pid_t init;
    volatile int go;
};

/* Without a pid namespace: dies when init does, and starts no processes. Init
 * is first, since the VM may write to its stack. */
static int stay_alone(struct start *start, struct viv_error *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != start->init)
        return viv_fail(err, VIV_INTERNAL, "init has gone away");
    while (!start->go)
        sched_yield();
    return start->alone->code ? viv_seccomp_install(start->alone, err) : 0;
}

static int vm_main(void *arg)
{
    struct start *start = arg;
    struct viv_error err;

    viv_thread_adopt();
    if (start->alone && stay_alone(start, &err) < 0)
        give_up(&err);
    viv_serve(&start->serve);
}

/* Init's part of it, in raw system calls. */
static void leave_alone(struct start *start, pid_t vm)
{
    struct sock_fprog program = {.len = start->alone->len, .filter = start->alone->code};

    if (program.filter) {
        viv_seccomp_name_self(start->alone, vm);
        if (viv_raw(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)&program, 0) < 0)
            viv_raw(SYS_exit_group, VIV_INIT_FAILED, 0, 0, 0);
    }
    start->go = 1;
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

static pid_t clone_vm(struct start *start)
{
    char *frame = __builtin_frame_address(0);
    char *stack = (char *)((uintptr_t)(frame - STACK_GAP) & ~(uintptr_t)63);
    pid_t *tid = viv_thread_tid();
    int flags = CLONE_VM | SIGCHLD;

    if (tid)
        flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
    viv_thread_leave();
    return clone(vm_main, stack, flags, start, NULL, NULL, tid);
}

/* Without a pid namespace nothing else ends it. */
static int follow_zygote(const struct viv_seat *seat, struct viv_error *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != seat->zygote)
        return viv_fail(err, VIV_UNAVAILABLE, "the zygote has gone away");
    return 0;
}

_Noreturn void viv_init_run(const struct viv_seat *seat)
{
    struct start start = {.serve = {.channel = VIV_JAIL_CHANNEL, .ops = seat->ops, .vm = seat->vm}};
    struct viv_error err;
    uint64_t layers;
    sigset_t all;
    pid_t vm;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    if (enter_groups(seat, &err) < 0)
        give_up(&err);
    viv_prefault_take(seat->prefault);
    if ((!viv_layers_have(&seat->layers, VIV_LAYER_PID_NAMESPACE) &&
         follow_zygote(seat, &err) < 0) ||
        map_control_page(seat->control, &start.serve.page, &err) < 0 ||
        enter_jail(seat, &layers, &err) < 0)
        give_up(&err);
    if (!viv_layers_have(&seat->layers, VIV_LAYER_PID_NAMESPACE)) {
        start.alone = seat->alone;
        start.init = getpid();
    }
    vm = clone_vm(&start);
    if (vm < 0) {
        viv_fail_errno(&err, VIV_INTERNAL, "can't clone the VM process");
        give_up(&err);
    }
    if (start.alone)
        leave_alone(&start, vm);
    leave_streams();
    tell_end(reap_until(vm));
    viv_raw(SYS_exit_group, 0, 0, 0, 0);
    __builtin_unreachable();
}
