#include "worker/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/zygote.h"
#include "worker/link.h"
#include "worker/nest.h"
#include "worker/netns.h"
#include "worker/prefault.h"
#include "worker/rootfs.h"
#include "worker/serve.h"
#include "worker/spawn.h"
#include "worker/strays.h"
#include "worker/sys.h"
#include "worker/thread.h"

struct child {
    pid_t pid;
    uint32_t slot;
    uint64_t generation;
    int netns;  /* -1: one of its own making, or none */
    bool ended; /* and not reported yet */
    int status;
    struct rusage used;
};

struct zygote {
    int link;
    int sigchld;
    int proc;
    const struct viv_vm_ops *ops;
    const struct viv_zygote_config *config;
    struct viv_vm *vm;
    struct viv_seccomp filter;
    struct viv_seccomp alone;
    struct viv_prefault prefault;
    struct viv_netns netns;
    struct viv_layers layers; /* `present`: what the zygote itself has */
    uint64_t jail;            /* what a worker has */
    const char *vm_name;
    struct child *children;
    size_t child_count, child_room;
};

/* Nobody's habits: a supervisor may have blocked or ignored anything. */
static int reset_signals(struct zygote *z, struct viv_error *err)
{
    sigset_t set;

    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, NULL);
    z->sigchld = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (z->sigchld < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't create a signalfd");
    return 0;
}

static int reset_descriptors(struct viv_error *err)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't open /dev/null");
    if (fcntl(STDERR_FILENO, F_GETFD) < 0)
        dup2(null, STDERR_FILENO);
    close_range(VIV_ZYGOTE_FD + 1, ~0U, 0);
    return 0;
}

static void seat_of(const struct zygote *z, struct viv_seat *ret)
{
    *ret = (struct viv_seat){.proc = z->proc,
                             .channel = -1,
                             .control = -1,
                             .out = STDOUT_FILENO,
                             .err = STDERR_FILENO,
                             .zygote = getpid(),
                             .group = -1,
                             .netns = -1,
                             .ops = z->ops,
                             .layers = z->layers,
                             .read_only_paths = z->config->read_only_paths,
                             .network = z->config->network,
                             .filter = &z->filter,
                             .prefault = &z->prefault,
                             .alone = (struct viv_seccomp *)&z->alone,
                             .vm = z->vm};
}

/* The root, where the namespace for it is there. */
static int enter_root(const char *const *paths, struct viv_layers *layers, struct viv_error *err)
{
    if (!viv_layers_have(layers, VIV_LAYER_MOUNT_NAMESPACE) ||
        !viv_layers_wanted(layers, VIV_LAYER_READ_ONLY_ROOT))
        return 0;
    if (viv_rootfs_enter(!viv_layers_wanted(layers, VIV_LAYER_PRIVATE_TMPFS), paths, err) < 0)
        return viv_layers_lack(layers, VIV_LAYER_BIT(VIV_LAYER_READ_ONLY_ROOT), err);
    layers->present |= VIV_LAYER_BIT(VIV_LAYER_READ_ONLY_ROOT);
    return 0;
}

/* Where there is no pid namespace, processes are kept track of by hand; where
 * the machine's sockets are in sight, there are none. */
static int make_filters(struct zygote *z, struct viv_error *err)
{
    const struct viv_seccomp_config config = {
        .network = z->config->network,
        .no_sockets = !viv_layers_have(&z->layers, VIV_LAYER_READ_ONLY_ROOT) ||
                      !viv_layers_have(&z->layers, VIV_LAYER_NETWORK_NAMESPACE),
        .another = !viv_layers_have(&z->layers, VIV_LAYER_PID_NAMESPACE)};

    if (viv_seccomp_build(&config, &z->filter, err) < 0)
        return -1;
    if (viv_layers_have(&z->layers, VIV_LAYER_PID_NAMESPACE))
        return 0;
    if (viv_strays_check(z->proc, err) < 0)
        return -1;
    return viv_layers_wanted(&z->layers, VIV_LAYER_SECCOMP)
               ? viv_seccomp_build_alone(&z->alone, err)
               : 0;
}

static void rehearse(void *arg)
{
    /* What any code meets, with a value or without: a page copied for nothing costs
     * every worker. */
    static const char code[] = "pass\nNone";
    const struct zygote *z = arg;

    if (viv_serve_rehearse(z->ops, z->vm, code, NULL) < 0)
        _exit(EXIT_FAILURE);
}

static void learn_pages(struct zygote *z)
{
    z->ops->before_clone(z->vm);
    viv_prefault_learn(z->proc, rehearse, z, &z->prefault);
    z->ops->after_clone_parent(z->vm);
}

/* The order matters: what a supervisor left behind goes first, the nest gives the right to mount, the root must stand
 * before the VM opens any file, and the VM must be warm before the first clone. */
static int warm_up(struct zygote *z, struct viv_error *err)
{
    size_t most = z->config->answer_max;
    struct viv_vm_config config = {
        .preload = z->config->preload,
        .answer_max = most > 0 && most < VIV_SERVE_BODY_MAX ? most : VIV_SERVE_BODY_MAX};
    struct viv_seat seat;

    if (reset_descriptors(err) < 0 || reset_signals(z, err) < 0 ||
        viv_nest_enter(z->link, &z->layers, &z->proc, err) < 0 ||
        enter_root(z->config->read_only_paths, &z->layers, err) < 0 ||
        z->ops->create(&config, &z->vm, &z->vm_name, err) < 0 || make_filters(z, err) < 0)
        return -1;
    viv_thread_setup();
    z->netns.proc = z->proc;
    learn_pages(z);
    seat_of(z, &seat);
    return viv_spawn_trial(&seat, &z->jail, err);
}

static int remember(struct zygote *z, pid_t pid, int netns, const struct viv_zygote_message *order)
{
    if (z->child_count == z->child_room) {
        size_t room = z->child_room * 2 + 64;
        struct child *grown = realloc(z->children, room * sizeof(*grown));

        if (!grown)
            return -1;
        z->children = grown;
        z->child_room = room;
    }
    z->children[z->child_count++] = (struct child){
        .pid = pid, .netns = netns, .slot = order->slot, .generation = order->generation};
    return 0;
}

/* Clones a worker as ordered: 0 or an errno. */
static int clone_worker(struct zygote *z, const struct viv_zygote_message *order, const int *fds,
                        int *ret_pidfd)
{
    struct viv_seat seat;
    int error;
    pid_t pid;

    unsigned wanted = VIV_SPAWN_FDS + (order->into_group ? 1 : order->doors);

    for (unsigned i = 0; i < wanted; i++)
        if (i >= VIV_SPAWN_FDS_MAX || fds[i] < 0)
            return EBADF;
    seat_of(z, &seat);
    seat.doors = fds + VIV_SPAWN_FDS;
    seat.door_count = order->doors;
    if (order->into_group)
        seat.group = fds[VIV_SPAWN_FDS];
    seat.channel = fds[VIV_SPAWN_CHANNEL];
    seat.control = fds[VIV_SPAWN_CONTROL];
    seat.out = fds[VIV_SPAWN_STDOUT];
    seat.err = fds[VIV_SPAWN_STDERR];
    if (viv_layers_have(&z->layers, VIV_LAYER_NETWORK_NAMESPACE))
        seat.netns = viv_netns_enter(&z->netns);
    if (viv_spawn(&seat, &pid, ret_pidfd, NULL) < 0) {
        error = errno;
        viv_netns_release(&z->netns, seat.netns);
        return error;
    }
    if (remember(z, pid, seat.netns, order) < 0) {
        kill(pid, SIGKILL);
        if (seat.netns >= 0)
            close(seat.netns); /* still in use: for nobody else */
        return ENOMEM;
    }
    return 0;
}

static int on_spawn(struct zygote *z, const struct viv_zygote_message *order, const int *fds,
                    struct viv_error *err)
{
    struct viv_zygote_message answer = {
        .type = VIV_ZYGOTE_SPAWNED, .slot = order->slot, .generation = order->generation};
    VIV_CLOSING int pidfd = -1;
    uint64_t began = viv_sys_now_ns();

    answer.error = clone_worker(z, order, fds, &pidfd);
    answer.clone_ns = viv_sys_now_ns() - began;
    for (unsigned i = 0; i < VIV_SPAWN_FDS_MAX; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return viv_link_send(z->link, &answer, answer.error ? -1 : pidfd, err);
}

static int on_order(struct zygote *z, struct viv_error *err)
{
    struct viv_zygote_message order;
    int fds[VIV_SPAWN_FDS_MAX];
    int rc = viv_link_receive(z->link, &order, fds, err);

    if (rc <= 0)
        return rc;
    if (order.type != VIV_ZYGOTE_SPAWN)
        return viv_fail(err, VIV_INTERNAL, "unexpected order of type %u", order.type);
    return on_spawn(z, &order, fds, err) < 0 ? -1 : 1;
}

static uint64_t ns_of(const struct timeval *tv)
{
    return (uint64_t)tv->tv_sec * 1000000000u + (uint64_t)tv->tv_usec * 1000u;
}

static int report_end(struct zygote *z, size_t i, struct viv_error *err)
{
    const struct rusage *used = &z->children[i].used;
    struct viv_zygote_message message = {.type = VIV_ZYGOTE_EXITED,
                                         .slot = z->children[i].slot,
                                         .generation = z->children[i].generation,
                                         .wait_status = z->children[i].status,
                                         .user_cpu_ns = ns_of(&used->ru_utime),
                                         .system_cpu_ns = ns_of(&used->ru_stime),
                                         .peak_rss_bytes = (uint64_t)used->ru_maxrss * 1024};

    viv_netns_release(&z->netns, z->children[i].netns);
    z->children[i] = z->children[--z->child_count];
    return viv_link_send(z->link, &message, -1, err);
}

static int report_ends(struct zygote *z, struct viv_error *err)
{
    for (size_t i = z->child_count; i-- > 0;)
        if (z->children[i].ended && report_end(z, i, err) < 0)
            return -1;
    return 0;
}

static struct child *find_child(struct zygote *z, pid_t pid)
{
    for (size_t i = 0; i < z->child_count; i++)
        if (z->children[i].pid == pid && !z->children[i].ended)
            return &z->children[i];
    return NULL;
}

static bool is_known(void *z, pid_t pid)
{
    return find_child(z, pid) != NULL;
}

static void add_usage(struct rusage *sum, const struct rusage *more)
{
    timeradd(&sum->ru_utime, &more->ru_utime, &sum->ru_utime);
    timeradd(&sum->ru_stime, &more->ru_stime, &sum->ru_stime);
    if (sum->ru_maxrss < more->ru_maxrss)
        sum->ru_maxrss = more->ru_maxrss;
}

/* A stray's usage is an ended worker's; whose, nobody knows where several end
 * at once. */
static void note_end(struct zygote *z, pid_t pid, int status, const struct rusage *used)
{
    struct child *child = find_child(z, pid);

    if (child) {
        child->ended = true;
        child->status = status;
        child->used = *used;
        return;
    }
    for (size_t i = 0; i < z->child_count; i++)
        if (z->children[i].ended) {
            add_usage(&z->children[i].used, used);
            return;
        }
}

/* Whatever there is to reap is the zygote's own: it is PID 1 of the nest, or
 * the reaper of orphans. */
static int on_sigchld(struct zygote *z, struct viv_error *err)
{
    struct signalfd_siginfo info;
    struct rusage used;
    int status;
    pid_t pid;

    while (read(z->sigchld, &info, sizeof(info)) > 0)
        continue;
    while ((pid = wait4(-1, &status, WNOHANG, &used)) > 0)
        note_end(z, pid, status, &used);
    if (!viv_layers_have(&z->layers, VIV_LAYER_PID_NAMESPACE) &&
        viv_strays_kill(z->proc, is_known, z) > 0)
        return 0;
    return report_ends(z, err);
}

/* Returns 0 when the supervisor has gone. */
static int serve_supervisor(struct zygote *z, struct viv_error *err)
{
    struct pollfd fds[2] = {{z->link, POLLIN, 0}, {z->sigchld, POLLIN, 0}};
    int rc = 1;

    while (rc > 0) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return viv_fail_errno(err, VIV_INTERNAL, "can't poll");
        if (fds[1].revents && on_sigchld(z, err) < 0)
            return -1;
        if (fds[0].revents)
            rc = on_order(z, err);
    }
    return rc;
}

static int say_ready(const struct zygote *z, struct viv_error *err)
{
    struct viv_zygote_message message = {.type = VIV_ZYGOTE_READY, .layers = z->jail};

    snprintf(message.text, sizeof(message.text), "%s", z->vm_name);
    return viv_link_send(z->link, &message, -1, err);
}

static void say_failed(int link, const struct viv_error *why)
{
    struct viv_zygote_message message = {.type = VIV_ZYGOTE_FAILED};

    snprintf(message.text, sizeof(message.text), "%.*s", (int)sizeof(message.text) - 1, why->text);
    viv_link_send(link, &message, -1, NULL);
}

/* A network of the machine's is no layer. */
static struct viv_layers layers_of(const struct viv_zygote_config *config)
{
    uint64_t without = config->without |
                       (config->network ? VIV_LAYER_BIT(VIV_LAYER_NETWORK_NAMESPACE) : 0);

    return (struct viv_layers){.allowed = config->allowed | without,
                               .without = viv_layers_close(without)};
}

/* Then there is nobody to tell how a worker ended, and nothing is wrong. */
static bool supervisor_has_gone(const struct zygote *z)
{
    struct pollfd link = {.fd = z->link};

    return poll(&link, 1, 0) == 1 && (link.revents & POLLHUP);
}

int viv_zygote_run(const struct viv_vm_ops *ops, const struct viv_zygote_config *config)
{
    struct zygote z = {.link = VIV_ZYGOTE_FD,
                       .sigchld = -1,
                       .proc = -1,
                       .ops = ops,
                       .config = config,
                       .layers = layers_of(config)};
    struct viv_error err;

    if (warm_up(&z, &err) < 0) {
        say_failed(z.link, &err);
        return EXIT_FAILURE;
    }
    if ((say_ready(&z, &err) < 0 || serve_supervisor(&z, &err) < 0) && !supervisor_has_gone(&z)) {
        fprintf(stderr, "vivarium-worker: zygote: %s\n", err.text);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
