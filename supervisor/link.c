#include "supervisor/link.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/datagram.h"
#include "proto/layer.h"
#include "supervisor/profile.h"

/* Pairs of words: all that a profile may have, the layers, the program's own. */
#define ARGS_MAX (2 * (PROFILE_MODULES_MAX + PROFILE_PATHS_MAX + VIV_LAYERS + 3) + 1)
#define NUMBER_SIZE 24

/* The zygote's environment, and so every worker's: nothing of ours, which may
 * hold secrets. One BLAS thread, or numpy starts as many as there are cores
 * against a pids limit that counts them. */
static char *const base_environment[] = {
    "PATH=/usr/bin:/bin",     "HOME=/tmp",         "LC_CTYPE=C.UTF-8",
    "OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1", "MKL_NUM_THREADS=1",
};

#define BASE_COUNT (sizeof(base_environment) / sizeof(base_environment[0]))

/* A sanitizer's options must reach the whole family of processes. */
static const char *const passed_on[] = {"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"};

#define PASSED_COUNT (sizeof(passed_on) / sizeof(passed_on[0]))

static bool executable(const char *path)
{
    return access(path, X_OK) == 0;
}

/* Looks in one folder and, going up, in the folder "worker" of each parent:
 * that is where a Bazel build tree has it. */
static char *look_from(char *dir)
{
    char *path = NULL;

    if (asprintf(&path, "%s/vivarium-worker", dir) > 0 && executable(path))
        return path;
    free(path);
    if (asprintf(&path, "%s/../lib/vivarium/vivarium-worker", dir) > 0 && executable(path))
        return path;
    free(path);
    for (char *slash = strrchr(dir, '/'); slash; slash = strrchr(dir, '/')) {
        *slash = '\0';
        if (asprintf(&path, "%s/worker/vivarium-worker", dir) > 0 && executable(path))
            return path;
        free(path);
    }
    return NULL;
}

int link_find_worker(const char *configured, char **ret_path, struct viv_error *err)
{
    char self[4096];
    const char *named = configured ? configured : getenv("VIVARIUM_WORKER");
    char *path = NULL;
    ssize_t n;

    if (named) {
        if (!executable(named))
            return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't execute the worker %s",
                                  named);
        path = strdup(named);
    } else if ((n = readlink("/proc/self/exe", self, sizeof(self) - 1)) > 0) {
        self[n] = '\0';
        *strrchr(self, '/') = '\0';
        path = look_from(self);
    }
    if (!path)
        return viv_fail(err, VIV_FAILED_PRECONDITION,
                        "can't find vivarium-worker: build //worker:vivarium-worker, or name it "
                        "with worker_path or $VIVARIUM_WORKER");
    *ret_path = path;
    return 0;
}

static void add_pair(char **argv, unsigned *argc, const char *option, const char *value)
{
    argv[(*argc)++] = (char *)option;
    argv[(*argc)++] = (char *)value;
}

static void make_arguments(const char *worker_path, const struct viv_profile *profile,
                           uint64_t absent, const char *answer_max, char **argv)
{
    unsigned argc = 0;

    add_pair(argv, &argc, worker_path, "--zygote");
    for (const char *const *p = profile->preload; p && *p; p++)
        add_pair(argv, &argc, "--preload", *p);
    for (const char *const *p = profile->read_only_paths; p && *p; p++)
        add_pair(argv, &argc, "--read-only-path", *p);
    if (profile->network)
        add_pair(argv, &argc, "--network", "host");
    add_pair(argv, &argc, "--answer-max", answer_max);
    for (unsigned layer = 0; layer < VIV_LAYERS; layer++)
        if (absent & VIV_LAYERS_JAIL & VIV_LAYER_BIT(layer))
            add_pair(argv, &argc, "--allow-absent", viv_layer_name(layer));
    argv[argc] = NULL;
}

/* The profile's first: of two that have one name the first one counts. Entries of
 * `environ` that go on do so as they are: "NAME=value". */
static void make_environment(const struct viv_profile *profile, char **envp)
{
    unsigned count = 0;

    for (const char *const *p = profile->environment; p && *p; p++)
        envp[count++] = (char *)*p;
    for (unsigned i = 0; i < BASE_COUNT; i++)
        envp[count++] = base_environment[i];
    for (unsigned i = 0; i < PASSED_COUNT; i++)
        for (char **e = environ; e && *e; e++)
            if (strncmp(*e, passed_on[i], strlen(passed_on[i])) == 0 &&
                (*e)[strlen(passed_on[i])] == '=')
                envp[count++] = *e;
    envp[count] = NULL;
}

/* posix_spawn(3) and not fork: a library may find itself among other threads,
 * gRPC's for one, which forbid a fork without exec. */
static int spawn(const char *worker_path, const struct viv_profile *profile, uint64_t absent,
                 uint64_t answer_max, int fd, pid_t *ret_pid)
{
    char *argv[ARGS_MAX], *envp[PROFILE_ENVIRONMENT_MAX + BASE_COUNT + PASSED_COUNT + 1];
    char most[NUMBER_SIZE];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int error;

    snprintf(most, sizeof(most), "%" PRIu64, answer_max);
    make_arguments(worker_path, profile, absent, most, argv);
    make_environment(profile, envp);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, fd, VIV_ZYGOTE_FD);
    posix_spawn_file_actions_adddup2(&actions, 2, 1);
    posix_spawn_file_actions_addclosefrom_np(&actions, VIV_ZYGOTE_FD + 1);
    error = posix_spawn(ret_pid, worker_path, &actions, &attr, argv, envp);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    return error;
}

int link_start(const char *worker_path, const struct viv_profile *profile, uint64_t absent,
               uint64_t answer_max, struct link *ret_link, struct viv_error *err)
{
    int pair[2], pidfd;
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't create a socket pair");
    errno = spawn(worker_path, profile, absent, answer_max, pair[1], &pid);
    close(pair[1]);
    if (errno != 0) {
        viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't start %s", worker_path);
        close(pair[0]);
        return -1;
    }
    pidfd = pidfd_open(pid, 0);
    if (pidfd < 0 || fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0) {
        viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't open a pidfd (Linux 5.3 is needed)");
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(pair[0]);
        return -1;
    }
    *ret_link = (struct link){.fd = pair[0], .pidfd = pidfd, .pid = pid};
    return 0;
}

void link_hang_up(struct link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
}

void link_reap(struct link *link)
{
    link_hang_up(link);
    if (link->pidfd < 0)
        return;
    while (waitpid(link->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(link->pidfd);
    link->pidfd = -1;
}

_Static_assert(VIV_CGROUP_DOORS == VIV_SPAWN_DOORS, "doors fit the message");
_Static_assert(VIV_SPAWN_FDS_MAX <= VIV_DATAGRAM_FDS, "and the datagram");

int link_spawn(struct link *link, uint32_t slot, uint64_t generation, const int fds[VIV_SPAWN_FDS],
               const struct viv_cgroup_entrance *entrance, struct viv_error *err)
{
    const struct viv_zygote_message m = {.type = VIV_ZYGOTE_SPAWN,
                                         .slot = slot,
                                         .generation = generation,
                                         .doors = entrance->door_count,
                                         .into_group = entrance->directory >= 0};
    const struct iovec part = {(void *)&m, sizeof(m)};
    int all[VIV_SPAWN_FDS_MAX];
    unsigned count = VIV_SPAWN_FDS;

    memcpy(all, fds, VIV_SPAWN_FDS * sizeof(int));
    if (entrance->directory >= 0)
        all[count++] = entrance->directory;
    for (unsigned i = 0; i < entrance->door_count; i++)
        all[count++] = entrance->doors[i];
    return viv_datagram_send(link->fd, &part, 1, all, count, err);
}

int link_receive(struct link *link, struct viv_zygote_message *ret_message, int *ret_fd,
                 struct viv_error *err)
{
    int fds[VIV_DATAGRAM_FDS];
    unsigned fd_count = 0;
    ssize_t n = viv_datagram_receive(link->fd, true, ret_message, sizeof(*ret_message), fds,
                                     &fd_count, err);

    if (n <= 0)
        return (int)n;
    if (n != sizeof(*ret_message) || fd_count > 1) {
        viv_datagram_close(fds, fd_count);
        return viv_fail(err, VIV_INTERNAL, "a message of %zd bytes from the zygote", n);
    }
    *ret_fd = fd_count ? fds[0] : -1;
    ret_message->text[sizeof(ret_message->text) - 1] = '\0';
    return 1;
}
