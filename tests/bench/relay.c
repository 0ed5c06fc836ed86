#include "tests/bench/relay.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct process {
    int fd;
    void *arg; /* of the message that it has; NULL: none */
};

static struct {
    int epoll_fd; /* of the processes */
    bool started, joined;
    relay_answered *answered;
    struct process *idle[RELAY_PROCESSES_MAX];
    unsigned idle_count;
    struct process processes[RELAY_PROCESSES_MAX];
} relay;

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

static _Noreturn void become(char *const argv[], int fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(fd, STDIN_FILENO);
    execv(argv[0], argv);
    fail(argv[0]);
}

static void start_one(char *const argv[], struct process *p)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 || (pid = fork()) < 0)
        fail("grpc_echo: a process to go through");
    if (pid == 0)
        become(argv, pair[1]);
    close(pair[1]);
    p->fd = pair[0];
    if (epoll_ctl(relay.epoll_fd, EPOLL_CTL_ADD, p->fd, &event) < 0)
        fail("epoll_ctl");
    relay.idle[relay.idle_count++] = p;
}

void relay_start(char *const argv[], unsigned count, relay_answered *answered)
{
    relay.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    relay.answered = answered;
    for (unsigned i = 0; i < count; i++)
        start_one(argv, &relay.processes[i]);
    relay.started = true;
}

void relay_send(void *arg, const void *data, size_t len)
{
    struct process *p;

    if (relay.idle_count == 0)
        abort();
    p = relay.idle[--relay.idle_count];
    p->arg = arg;
    if (send(p->fd, data, len, MSG_NOSIGNAL) != (ssize_t)len)
        fail("grpc_echo: a process took nothing");
}

static void hear_one(struct process *p)
{
    char data[RELAY_MESSAGE_MAX];
    ssize_t len = recv(p->fd, data, sizeof(data), 0);
    void *arg = p->arg;

    if (len <= 0 || !arg)
        fail("grpc_echo: a process ended");
    p->arg = NULL;
    relay.idle[relay.idle_count++] = p;
    relay.answered(arg, data, (size_t)len);
}

static void hear(void)
{
    struct epoll_event events[RELAY_PROCESSES_MAX];
    int n = epoll_pwait(relay.epoll_fd, events, RELAY_PROCESSES_MAX, 0, NULL);

    for (int i = 0; i < n; i++)
        hear_one(events[i].data.ptr);
}

static void join(int epoll_fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &relay};

    relay.joined = true;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, relay.epoll_fd, &event) < 0)
        fail("epoll_ctl");
}

/* The one that gRPC calls. */
int epoll_wait(int epoll_fd, struct epoll_event *events, int max, int timeout)
{
    bool ours = false;
    int n;

    if (relay.started && !relay.joined)
        join(epoll_fd);
    n = epoll_pwait(epoll_fd, events, max, timeout, NULL);
    for (int i = 0; i < n && !ours; i++) {
        if (events[i].data.ptr != &relay)
            continue;
        events[i] = events[--n];
        ours = true;
    }
    if (ours)
        hear();
    return n;
}
