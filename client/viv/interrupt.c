#include "client/viv/interrupt.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* A supervisor that doesn't answer must not make the next Ctrl-C wait. */
#define CANCEL_TIMEOUT_NS 3000000000LL

/* Wakes the thread so that it ends. */
#define WAKE_UP SIGUSR2

static struct {
    struct viv_client *client;
    const char *execution_id;
    pthread_t thread;
    atomic_int first;
    atomic_bool stopping;
} listener;

static sigset_t signals;

/* One that the parent made us ignore (nohup, a shell's background job) stays
 * ignored: blocked, it would arrive all the same. */
static void add_unless_ignored(int signal)
{
    struct sigaction action;

    if (!sigaction(signal, NULL, &action) && action.sa_handler != SIG_IGN)
        sigaddset(&signals, signal);
}

void viv_interrupt_block(void)
{
    sigemptyset(&signals);
    add_unless_ignored(SIGINT);
    add_unless_ignored(SIGTERM);
    add_unless_ignored(SIGHUP);
    sigaddset(&signals, WAKE_UP);
    viv_interrupt_let_end(false);
    signal(SIGPIPE, SIG_IGN);
}

void viv_interrupt_let_end(bool now)
{
    pthread_sigmask(now ? SIG_UNBLOCK : SIG_BLOCK, &signals, NULL);
}

int viv_interrupt_take(void)
{
    const struct timespec at_once = {0};
    sigset_t ends = signals;
    int signal;

    sigdelset(&ends, WAKE_UP);
    do
        signal = sigtimedwait(&ends, NULL, &at_once);
    while (signal < 0 && errno == EINTR);
    return signal > 0 ? signal : 0;
}

const sigset_t *viv_interrupt_signals(void)
{
    return &signals;
}

bool viv_interrupt_ends(int signal)
{
    return signal != WAKE_UP;
}

const char *viv_interrupt_reason(int signal)
{
    switch (signal) {
    case SIGINT:
        return "interrupted at the terminal";
    case SIGHUP:
        return "the terminal was closed";
    default:
        return "viv was told to end";
    }
}

static void cancel(int signal, bool force)
{
    struct viv_client_cancel request = {
        .execution_id = listener.execution_id,
        .reason = viv_interrupt_reason(signal),
        .force = force,
        .timeout_ns = CANCEL_TIMEOUT_NS,
    };
    struct viv_client_cancel_reply *reply;
    struct viv_error err;

    if (viv_client_cancel(listener.client, &request, &reply, &err))
        fprintf(stderr, "viv: can't cancel: %s\n", err.text);
    else
        viv_client_cancel_reply_free(reply);
}

static void *listen(void *arg)
{
    int count = 0;
    int signal;

    while (!sigwait(&signals, &signal) && !atomic_load(&listener.stopping)) {
        if (signal == WAKE_UP)
            continue;
        if (++count == 1)
            atomic_store(&listener.first, signal);
        if (count > 2)
            _exit(128 + signal);
        cancel(signal, count > 1);
    }
    return NULL;
}

int viv_interrupt_start(struct viv_client *client, const char *execution_id, struct viv_error *err)
{
    listener.client = client;
    listener.execution_id = execution_id;
    atomic_store(&listener.first, 0);
    atomic_store(&listener.stopping, false);
    if (pthread_create(&listener.thread, NULL, listen, NULL))
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "can't start a thread");
    return 0;
}

int viv_interrupt_stop(void)
{
    atomic_store(&listener.stopping, true);
    pthread_kill(listener.thread, WAKE_UP);
    pthread_join(listener.thread, NULL);
    return atomic_load(&listener.first);
}
