/* A zygote and workers without Python, and without manners: each worker does
 * what its code says, a line such as "garbage" or "out 100000". The supervisor
 * can't tell it from the real one, so every kind of bad frame, and every moment
 * of dying, can be had on demand and in thousands. Preloading "once:PATH" it
 * starts only where that file is absent, and makes it; with "gate:PATH" all but the
 * first, which makes PATH.first, wait until there is PATH. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/control_page.h"
#include "proto/datagram.h"
#include "proto/frame.h"
#include "proto/internal/worker.pb-c.h"
#include "proto/zygote.h"
#include "tests/hostile/misbehave.h"

#define CHILDREN_MAX 512

struct child {
    pid_t pid;
    uint32_t slot;
    uint64_t generation;
};

static struct child children[CHILDREN_MAX];

static void send_message(const struct viv_zygote_message *m, int fd)
{
    const struct iovec part = {(void *)m, sizeof(*m)};

    if (viv_datagram_send(VIV_ZYGOTE_FD, &part, 1, &fd, fd >= 0, NULL) < 0)
        exit(0);
}

static struct child *free_child(void)
{
    for (int i = 0; i < CHILDREN_MAX; i++)
        if (children[i].pid == 0)
            return &children[i];
    fprintf(stderr, "fake_worker: too many children\n");
    exit(1);
}

/* Entered as a real worker does on version 1; version 2's way is the clone's. */
static void enter_groups(const int *doors, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (write(doors[i], "0", 1) != 1)
            _exit(1);
    for (unsigned i = 0; i < count; i++)
        close(doors[i]);
}

static void spawn(const struct viv_zygote_message *m, const int *fds, unsigned fd_count)
{
    struct viv_zygote_message answer = {
        .type = VIV_ZYGOTE_SPAWNED, .slot = m->slot, .generation = m->generation};
    struct child *c = free_child();
    pid_t pid = fork();
    int pidfd;

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        enter_groups(fds + VIV_SPAWN_FDS, m->doors);
        misbehave(fds);
    }
    pidfd = pidfd_open(pid, 0);
    *c = (struct child){pid, m->slot, m->generation};
    send_message(&answer, pidfd);
    close(pidfd);
    viv_datagram_close(fds, fd_count);
}

static bool receive_spawn(void)
{
    struct viv_zygote_message m;
    int fds[VIV_DATAGRAM_FDS];
    unsigned count = 0;

    if (viv_datagram_receive(VIV_ZYGOTE_FD, false, &m, sizeof(m), fds, &count, NULL) != sizeof(m) ||
        count != VIV_SPAWN_FDS + m.doors + m.into_group)
        return false;
    spawn(&m, fds, count);
    return true;
}

static void reap(void)
{
    struct rusage usage;
    int status;
    pid_t pid;

    while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
        for (int i = 0; i < CHILDREN_MAX; i++) {
            struct viv_zygote_message m = {.type = VIV_ZYGOTE_EXITED,
                                           .slot = children[i].slot,
                                           .generation = children[i].generation,
                                           .wait_status = status};

            if (children[i].pid != pid)
                continue;
            children[i].pid = 0;
            send_message(&m, -1);
        }
    }
}

static bool make(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void pass_gate(const char *gate)
{
    char first[256];

    snprintf(first, sizeof(first), "%s.first", gate);
    while (!make(first) && access(gate, F_OK) < 0)
        usleep(1000);
}

static void on_child(int signal)
{
}

int main(int argc, char **argv)
{
    struct viv_zygote_message ready = {.type = VIV_ZYGOTE_READY, .text = "fake 1.0"};
    struct pollfd poll_fd = {.fd = VIV_ZYGOTE_FD, .events = POLLIN};
    struct sigaction action = {.sa_handler = on_child};
    sigset_t blocked, none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* Only what --preload brings. */
    if (argc > 3 && strcmp(argv[2], "--preload") != 0)
        argc = 2;
    if (argc > 3 && strcmp(argv[3], "no-start") == 0) {
        ready.type = VIV_ZYGOTE_FAILED;
        strcpy(ready.text, "the fake refuses to start: ask it nicely");
        send_message(&ready, -1);
        return 1;
    }
    if (argc > 3 && strncmp(argv[3], "once:", 5) == 0) {
        if (!make(argv[3] + 5))
            return 1;
        argc = 2;
    }
    if (argc > 3 && strncmp(argv[3], "gate:", 5) == 0) {
        pass_gate(argv[3] + 5);
        argc = 2;
    }
    if (argc > 3)
        misbehave_at_start = argv[3];
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    sigaction(SIGCHLD, &action, NULL);
    send_message(&ready, -1);
    for (;;) {
        reap();
        if (ppoll(&poll_fd, 1, NULL, &none) > 0 && !receive_spawn())
            return 0;
    }
}
