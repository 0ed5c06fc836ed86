/* The supervisor's beginning and end. */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "supervisor/limits.h"
#include "supervisor/profile.h"
#include "supervisor/session.h"
#include "supervisor/supervisor.h"

#define START_TIMEOUT_S 30
/* For those who are on their way to the reactor while the queue is full: there
 * they may be given the room of others. */
#define PLACES_SPARE 64
/* Reads a line of /proc for each process that it kills. */
#define REACTOR_STACK (1024 * 1024)

/* Takes NULL and what is half built. */
static void free_supervisor(struct viv_supervisor *s)
{
    if (!s)
        return;
    for (unsigned i = 0; s->workers && i < s->config.workers_max; i++)
        worker_close(&s->workers[i]);
    sessions_destroy(s);
    enforce_close(s);
    for (size_t i = 0; s->zygotes && i < s->zygote_count; i++)
        demand_free(&s->zygotes[i].demand);
    free(s->zygotes);
    free(s->workers);
    free(s->executions);
    registry_free(&s->registry);
    fair_free(&s->fair);
    tenants_free(&s->tenants);
    timers_free(&s->timers);
    inbox_free(&s->inbox);
    if (s->epoll_fd >= 0)
        close(s->epoll_fd);
    if (s->thread_fd >= 0)
        close(s->thread_fd);
    free(s->worker_path);
    profiles_free(s->profiles, s->zygote_count);
    pthread_cond_destroy(&s->start_done);
    pthread_mutex_destroy(&s->start_lock);
    pthread_cond_destroy(&s->thread_turned);
    pthread_mutex_destroy(&s->turn);
    free(s);
}

static int make_slots(struct viv_supervisor *s, struct viv_error *err)
{
    s->workers = calloc(s->config.workers_max, sizeof(*s->workers));
    if (!s->workers)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory for %u workers",
                        s->config.workers_max);
    for (unsigned i = 0; i < s->config.workers_max; i++)
        if (worker_open(&s->workers[i], s, i, err) < 0)
            return -1;
    return 0;
}

static int make_places(struct viv_supervisor *s, struct viv_error *err)
{
    s->place_count = (size_t)s->config.workers_max + s->config.queue_max + PLACES_SPARE;
    s->execution_count = s->place_count + s->config.sessions.max;
    s->executions = calloc(s->execution_count, sizeof(*s->executions));
    if (!s->executions)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory for %zu executions",
                        s->execution_count);
    for (size_t i = s->execution_count; i-- > 0;) {
        struct execution *e = &s->executions[i];

        e->supervisor = s;
        e->timer.fire = schedule_timer_fired;
        if (i >= s->place_count)
            continue;
        e->next_queued = s->free_executions;
        s->free_executions = e;
    }
    return 0;
}

static void make_defaults(struct viv_supervisor *s)
{
    pthread_condattr_t clock;

    s->epoll_fd = s->thread_fd = s->inbox.wake_fd = -1;
    s->refill_retry.fire = pool_refill_retry;
    s->drain_timer.fire = drain_fired;
    s->parked_last = &s->parked_first;
    TAILQ_INIT(&s->held);
    pthread_mutex_init(&s->start_lock, NULL);
    pthread_mutex_init(&s->turn, NULL);
    pthread_cond_init(&s->thread_turned, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&s->start_done, &clock);
    pthread_condattr_destroy(&clock);
}

/* Whoever waits for a worker of a zygote that is down adds as many, and so does who
 * waits for one with a zygote of its own. */
#define DEMAND_FACTOR 4

/* One processor is for those who run, where there are several. */
static unsigned exec_starts_max(const struct viv_config *c)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

    unsigned most = count > 1 ? (unsigned)count - 1 : 1;

    return most < c->workers_max ? most : c->workers_max;
}

static int make_zygotes(struct viv_supervisor *s, struct viv_error *err)
{
    const struct viv_config *c = &s->config;

    s->zygotes = calloc(s->zygote_count, sizeof(*s->zygotes));
    if (!s->zygotes)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory for %zu profiles",
                        s->zygote_count);
    s->exec_starts_max = exec_starts_max(c);
    for (size_t i = 0; i < s->zygote_count; i++) {
        bool exec = s->profiles[i].isolation == VIV_ISOLATION_EXEC;

        s->exec_asked |= exec;
        zygote_init(&s->zygotes[i], s, &s->profiles[i]);
        if (demand_init(&s->zygotes[i].demand, s->profiles[i].workers_warm,
                        DEMAND_FACTOR * c->workers_max, enforce_tenant(s, "default"), exec,
                        err) < 0)
            return -1;
    }
    return 0;
}

static int make_parts(struct viv_supervisor *s, struct viv_error *err)
{
    const struct viv_config *c = &s->config;

    if (profiles_new(c, &s->profiles, &s->zygote_count, err) < 0)
        return -1;
    if (link_find_worker(c->worker_path, &s->worker_path, err) < 0 ||
        inbox_init(&s->inbox, err) < 0)
        return -1;
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->thread_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->epoll_fd < 0 || s->thread_fd < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't create the reactor's descriptors");
    s->wake.fd = s->inbox.wake_fd;
    if (watch_start(s->epoll_fd, &s->wake, err) < 0)
        return -1;
    if (make_slots(s, err) < 0 || make_places(s, err) < 0 || enforce_open(s, err) < 0 ||
        make_zygotes(s, err) < 0)
        return -1;
    /* A timer for each worker, execution, session and zygote, and the three of the reactor. */
    if (timers_init(&s->timers,
                    c->workers_max + s->execution_count + c->sessions.max + s->zygote_count + 3,
                    err) < 0 ||
        registry_init(&s->registry, s->place_count, err) < 0)
        return -1;
    if (tenants_init(&s->tenants, c->tenants_max, c, err) < 0 ||
        fair_init(&s->fair, c->tenants_max, c->execution_cost_min_ns, err) < 0)
        return -1;
    return sessions_create(s, err);
}

/* Signals are the application's: the reactor takes none. */
static int start_thread(struct viv_supervisor *s, struct viv_error *err)
{
    sigset_t all, before;
    pthread_attr_t attr;
    int error;

    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, REACTOR_STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&s->thread, &attr, reactor_main, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (error != 0)
        return viv_fail(err, VIV_INTERNAL, "can't start a thread: %s", strerrordesc_np(error));
    s->thread_runs = true;
    return 0;
}

static int fail_slow(const struct viv_supervisor *s, struct viv_error *err)
{
    return viv_fail(err, VIV_FAILED_PRECONDITION, "%s not ready within %d s",
                    s->zygote_count > 1 ? "the zygotes of all profiles were" : "the zygote was",
                    START_TIMEOUT_S);
}

static int await_start(struct viv_supervisor *s, struct viv_error *err)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += START_TIMEOUT_S;
    pthread_mutex_lock(&s->start_lock);
    while (!s->started && !s->start_failed && rc == 0)
        rc = pthread_cond_timedwait(&s->start_done, &s->start_lock, &until);
    if (s->start_failed)
        rc = viv_fail(err, s->start_error.status, "%s", s->start_error.text);
    else if (!s->started)
        rc = fail_slow(s, err);
    else
        rc = 0;
    pthread_mutex_unlock(&s->start_lock);
    return rc;
}

int viv_supervisor_create(const struct viv_config *config, struct viv_supervisor **ret_supervisor,
                          struct viv_error *err)
{
    struct viv_supervisor *s;

    if (viv_config_check(config, err) < 0)
        return -1;
    s = calloc(1, sizeof(*s));
    if (!s)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    s->config = *config;
    if (s->config.sessions.resident_max == 0)
        s->config.sessions.resident_max = config->workers_max / 2 ? config->workers_max / 2 : 1;
    make_defaults(s);
    if (make_parts(s, err) < 0 || start_thread(s, err) < 0) {
        free_supervisor(s);
        return -1;
    }
    if (await_start(s, err) < 0) {
        viv_supervisor_destroy(s);
        return -1;
    }
    *ret_supervisor = s;
    return 0;
}

static void stop(struct viv_supervisor *s, struct command *command)
{
    s->stopping = true;
    drain_begin(s);
    sessions_stop(s);
    drain_cancel_all(s, true);
    drain_check(s);
    for (size_t i = 0; i < s->zygote_count; i++)
        timers_stop(&s->timers, &s->zygotes[i].retry);
    free(command);
}

void viv_supervisor_destroy(struct viv_supervisor *supervisor)
{
    struct command *command;

    if (!supervisor)
        return;
    command = calloc(1, sizeof(*command));
    if (!command)
        abort(); /* no way to end in order, and no way to say so */
    command->run = stop;
    viv_drive_end(supervisor);
    inbox_post(&supervisor->inbox, command);
    pthread_join(supervisor->thread, NULL);
    free_supervisor(supervisor);
}
