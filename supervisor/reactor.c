/* Who has the turn owns the state. The thread waits for descriptors and times. */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "supervisor/clock.h"
#include "supervisor/session.h"
#include "supervisor/supervisor.h"

#define EVENTS_AT_ONCE 64
/* What others leave to one caller; then the thread goes on. */
#define TURNS_IN_A_ROW 16

/* The thread wakes at least this often while others have turns: so not each of them has to
 * wake it for a limit that is further away, and a loop that hangs holds nobody up for long. */
#define LINGER_NS INT64_C(20000000)

/* --- a turn --------------------------------------------------------------- */

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

static void hear(struct epoll_event *events, int n)
{
    for (int i = 0; i < n; i++) {
        struct watch *w = events[i].data.ptr;

        if (w->fd >= 0 && w->on)
            w->ready(w);
    }
}

static void settle(struct viv_supervisor *s)
{
    run_commands(s);
    hurry_end(s);
    /* An end may have been what another of its tenant waited for. */
    pool_assign(s);
    pool_refill(s);
    stats_publish(s);
}

/* --- turns of others than the thread -------------------------------------- */

static void begin_turn(struct viv_supervisor *s)
{
    s->turns++;
    s->last_turn_ns = clock_now();
}

/* When the thread has to be awake. */
static int64_t needed_at(const struct viv_supervisor *s)
{
    int64_t next = timers_next(&s->timers), looks = s->last_turn_ns + LINGER_NS;

    return s->driven && s->oldest && looks < next ? looks : next;
}

/* Who came meanwhile has left us his command: we see it, or he has seen that the turn is
 * free. */
static void end_turn(struct viv_supervisor *s)
{
    int more = TURNS_IN_A_ROW;

    do {
        int64_t next;
        bool wake;

        settle(s);
        next = needed_at(s);
        wake = over(s) || s->exec_asked || next < s->wakes_ns;
        if (next < s->wakes_ns)
            s->wakes_ns = next;
        if (wake)
            eventfd_write(s->driven ? s->thread_fd : s->inbox.wake_fd, 1);
        pthread_mutex_unlock(&s->turn);
    } while (!inbox_is_empty(&s->inbox) && --more > 0 && pthread_mutex_trylock(&s->turn) == 0);
    if (more == 0)
        inbox_ring(&s->inbox);
}

void reactor_call(struct viv_supervisor *s, struct command *command)
{
    if (!s->config.callers_run) {
        inbox_post(&s->inbox, command);
        return;
    }
    inbox_put(&s->inbox, command);
    /* Busy: with the thread, with another, or with this one further up its stack. */
    if (pthread_mutex_trylock(&s->turn) != 0)
        return;
    begin_turn(s);
    end_turn(s);
}

int viv_drive_begin(struct viv_supervisor *supervisor)
{
    pthread_mutex_lock(&supervisor->turn);
    supervisor->driven = true;
    inbox_ring(&supervisor->inbox);
    /* Of two who listen, one may hear what was meant for the other. */
    while (supervisor->thread_listens)
        pthread_cond_wait(&supervisor->thread_turned, &supervisor->turn);
    pthread_mutex_unlock(&supervisor->turn);
    return supervisor->epoll_fd;
}

void viv_drive(struct viv_supervisor *supervisor)
{
    struct epoll_event events[EVENTS_AT_ONCE];

    pthread_mutex_lock(&supervisor->turn);
    begin_turn(supervisor);
    hear(events, epoll_wait(supervisor->epoll_fd, events, EVENTS_AT_ONCE, 0));
    end_turn(supervisor);
}

void viv_drive_end(struct viv_supervisor *supervisor)
{
    pthread_mutex_lock(&supervisor->turn);
    supervisor->driven = false;
    pthread_mutex_unlock(&supervisor->turn);
    eventfd_write(supervisor->thread_fd, 1);
}

/* --- the thread ----------------------------------------------------------- */

static int64_t next_wake(const struct viv_supervisor *s)
{
    int64_t next = timers_next(&s->timers), now = clock_now();
    bool lingers = (s->driven && s->oldest) || now - s->last_turn_ns < LINGER_NS;

    return lingers && now + LINGER_NS < next ? now + LINGER_NS : next;
}

/* At `at_ns` at the latest; NULL: whenever something comes. */
static const struct timespec *time_left(int64_t at_ns, struct timespec *ret)
{
    int64_t left;

    if (at_ns == INT64_MAX)
        return NULL;
    left = at_ns - clock_now();
    if (left < 0)
        left = 0;
    *ret = (struct timespec){left / 1000000000, left % 1000000000};
    return ret;
}

static int wait_for_events(int epoll_fd, struct epoll_event *events, const struct timespec *left)
{
    int n = epoll_pwait2(epoll_fd, events, EVENTS_AT_ONCE, left, NULL);

    if (n < 0 && errno == ENOSYS) /* before Linux 5.11: whole milliseconds */
        n = epoll_wait(epoll_fd, events, EVENTS_AT_ONCE,
                       left ? (int)(left->tv_sec * 1000 + left->tv_nsec / 1000000) + 1 : -1);
    return n;
}

/* While another loop hears the workers. */
static void wait_for_summons(struct viv_supervisor *s, const struct timespec *left)
{
    struct pollfd poll = {.fd = s->thread_fd, .events = POLLIN};
    eventfd_t count;

    if (ppoll(&poll, 1, left, NULL) > 0)
        eventfd_read(s->thread_fd, &count);
}

/* Without the turn, until something happens; then with it. What was heard meanwhile may be
 * about what others have closed: what is still so is told again. */
static int await(struct viv_supervisor *s, struct epoll_event *events)
{
    uint64_t turns = s->turns;
    int64_t at = s->wakes_ns = next_wake(s);
    bool driven = s->driven;
    struct timespec left;
    int n = 0;

    s->thread_has_turn = false;
    s->thread_listens = !driven;
    pthread_cond_broadcast(&s->thread_turned);
    pthread_mutex_unlock(&s->turn);
    if (inbox_is_empty(&s->inbox)) {
        if (driven)
            wait_for_summons(s, time_left(at, &left));
        else
            n = wait_for_events(s->epoll_fd, events, time_left(at, &left));
    }
    pthread_mutex_lock(&s->turn);
    s->thread_has_turn = true;
    return driven || s->turns != turns ? epoll_wait(s->epoll_fd, events, EVENTS_AT_ONCE, 0) : n;
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
    while (!over(s)) {
        hear(events, await(s, events));
        timers_run(&s->timers, clock_now());
        settle(s);
    }
    pthread_mutex_unlock(&s->turn);
    return NULL;
}
