/* The one thread that owns the state: it waits for descriptors and times. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "supervisor/clock.h"
#include "supervisor/session.h"
#include "supervisor/supervisor.h"

#define EVENTS_AT_ONCE 64

static void run_commands(struct watch *watch)
{
    struct viv_supervisor *s =
        (struct viv_supervisor *)((char *)watch - offsetof(struct viv_supervisor, wake));
    struct command *c = inbox_take(&s->inbox);

    while (c) {
        struct command *next = c->next;

        c->run(s, c);
        c = next;
    }
}

static int wait_for_events(struct viv_supervisor *s, struct epoll_event *events)
{
    int64_t next = timers_next(&s->timers), wait;
    struct timespec timeout;
    int n;

    if (next == INT64_MAX)
        return epoll_wait(s->epoll_fd, events, EVENTS_AT_ONCE, -1);
    wait = next - clock_now();
    if (wait < 0)
        wait = 0;
    timeout = (struct timespec){wait / 1000000000, wait % 1000000000};
    n = epoll_pwait2(s->epoll_fd, events, EVENTS_AT_ONCE, &timeout, NULL);
    if (n < 0 && errno == ENOSYS) /* before Linux 5.11: whole milliseconds */
        n = epoll_wait(s->epoll_fd, events, EVENTS_AT_ONCE, (int)(wait / 1000000) + 1);
    return n;
}

static bool zygotes_gone(const struct viv_supervisor *s)
{
    for (size_t i = 0; i < s->zygote_count; i++)
        if (s->zygotes[i].link.pidfd >= 0)
            return false;
    return own_zygotes_gone(s);
}

static bool over(const struct viv_supervisor *s)
{
    return s->stopping && !s->oldest && zygotes_gone(s) && s->sessions->store.asked == 0;
}

/* While stopping: once nobody waits for a worker, the zygotes may go. */
static void hurry_end(struct viv_supervisor *s)
{
    if (!s->stopping || s->oldest)
        return;
    for (size_t i = 0; i < s->zygote_count; i++)
        zygote_end(&s->zygotes[i]);
    own_zygotes_end(s);
}

void *reactor_main(void *arg)
{
    struct viv_supervisor *s = arg;
    struct epoll_event events[EVENTS_AT_ONCE];

    /* From this thread: a zygote is killed when the thread that started it
     * ends (prctl(2), PR_SET_PDEATHSIG). */
    for (size_t i = 0; i < s->zygote_count; i++)
        zygote_start(&s->zygotes[i]);
    s->wake.ready = run_commands;
    while (!over(s)) {
        int n = wait_for_events(s, events);

        for (int i = 0; i < n; i++) {
            struct watch *w = events[i].data.ptr;

            if (w->fd >= 0 && w->on)
                w->ready(w);
        }
        timers_run(&s->timers, clock_now());
        hurry_end(s);
        /* An end may have been what another of its tenant waited for. */
        pool_assign(s);
        pool_refill(s);
        stats_publish(s);
    }
    return NULL;
}
