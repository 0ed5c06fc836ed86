/* Who has the turn owns the state. The thread waits for descriptors and times. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "supervisor/clock.h"
#include "supervisor/session.h"
#include "supervisor/supervisor.h"

#define EVENTS_AT_ONCE 64

/* The thread of a supervisor whose callers run wakes at least this often while they do, so
 * that not each of them has to wake it for a limit that is further away. */
#define LINGER_NS INT64_C(50000000)

static void run_commands(struct viv_supervisor *s)
{
    struct command *c = inbox_take(&s->inbox);

    while (c) {
        struct command *next = c->next;

        c->run(s, c);
        c = next;
    }
}

static void woken(struct watch *watch)
{
    struct viv_supervisor *s =
        (struct viv_supervisor *)((char *)watch - offsetof(struct viv_supervisor, wake));

    inbox_hear(&s->inbox);
    run_commands(s);
}

static int64_t next_wake(const struct viv_supervisor *s)
{
    int64_t next = timers_next(&s->timers), now;

    if (s->last_turn_ns == 0)
        return next;
    now = clock_now();
    return now - s->last_turn_ns < LINGER_NS && now + LINGER_NS < next ? now + LINGER_NS : next;
}

/* At `at_ns` at the latest; INT64_MAX: whenever there is one. */
static int wait_for_events(int epoll_fd, struct epoll_event *events, int64_t at_ns)
{
    int64_t wait;
    struct timespec timeout;
    int n;

    if (at_ns == INT64_MAX)
        return epoll_wait(epoll_fd, events, EVENTS_AT_ONCE, -1);
    wait = at_ns - clock_now();
    if (wait < 0)
        wait = 0;
    timeout = (struct timespec){wait / 1000000000, wait % 1000000000};
    n = epoll_pwait2(epoll_fd, events, EVENTS_AT_ONCE, &timeout, NULL);
    if (n < 0 && errno == ENOSYS) /* before Linux 5.11: whole milliseconds */
        n = epoll_wait(epoll_fd, events, EVENTS_AT_ONCE, (int)(wait / 1000000) + 1);
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

static void settle(struct viv_supervisor *s)
{
    hurry_end(s);
    /* An end may have been what another of its tenant waited for. */
    pool_assign(s);
    pool_refill(s);
    stats_publish(s);
}

void reactor_call(struct viv_supervisor *s, struct command *command)
{
    int64_t next;
    bool wake;

    if (!s->config.callers_run) {
        inbox_post(&s->inbox, command);
        return;
    }
    inbox_put(&s->inbox, command);
    /* Busy: by the thread, by another caller, or by this one further up its stack. */
    if (pthread_mutex_trylock(&s->turn) != 0) {
        inbox_ring(&s->inbox);
        return;
    }
    s->turns++;
    s->last_turn_ns = clock_now();
    run_commands(s);
    settle(s);
    next = timers_next(&s->timers);
    wake = over(s) || s->exec_asked || next < s->wakes_ns;
    if (next < s->wakes_ns)
        s->wakes_ns = next;
    pthread_mutex_unlock(&s->turn);
    if (wake)
        inbox_ring(&s->inbox);
}

static void handle(struct viv_supervisor *s, struct epoll_event *events, int n)
{
    for (int i = 0; i < n; i++) {
        struct watch *w = events[i].data.ptr;

        if (w->fd >= 0 && w->on)
            w->ready(w);
    }
    timers_run(&s->timers, clock_now());
    settle(s);
}

/* Without the turn, until something happens; then with it. */
static int await(struct viv_supervisor *s, struct epoll_event *events)
{
    uint64_t turns = s->turns;
    int64_t wake = s->wakes_ns = next_wake(s);
    int n;

    s->thread_has_turn = false;
    pthread_mutex_unlock(&s->turn);
    n = wait_for_events(s->epoll_fd, events, wake);
    pthread_mutex_lock(&s->turn);
    s->thread_has_turn = true;
    /* A caller may have closed what the events are about; what is still so is told
     * again. */
    return s->turns == turns ? n : wait_for_events(s->epoll_fd, events, 0);
}

void *reactor_main(void *arg)
{
    struct viv_supervisor *s = arg;
    struct epoll_event events[EVENTS_AT_ONCE];

    /* From this thread: a zygote is killed when the thread that started it
     * ends (prctl(2), PR_SET_PDEATHSIG). */
    pthread_mutex_lock(&s->turn);
    s->thread_has_turn = true;
    for (size_t i = 0; i < s->zygote_count; i++)
        zygote_start(&s->zygotes[i]);
    s->wake.ready = woken;
    while (!over(s))
        handle(s, events, await(s, events));
    pthread_mutex_unlock(&s->turn);
    return NULL;
}
