/* A zygote's life, as the reactor sees it. */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

#include "supervisor/clock.h"
#include "supervisor/layers.h"
#include "supervisor/supervisor.h"

#define BACKOFF_FIRST_NS INT64_C(100000000)
#define BACKOFF_MOST_NS INT64_C(5000000000)

/* Which one it was, where there are several. */
static void name_profile(const struct zygote *z, const struct viv_error *error,
                         struct viv_error *ret_named)
{
    *ret_named = *error;
    if (z->supervisor->zygote_count > 1)
        viv_fail(ret_named, error->status, "profile %s: %.400s", z->profile->name, error->text);
}

static bool all_ready(const struct viv_supervisor *s)
{
    for (size_t i = 0; i < s->zygote_count; i++)
        if (!s->zygotes[i].was_ready)
            return false;
    return true;
}

/* It is ready, or why it is not. */
static void tell_start(struct zygote *z, const struct viv_error *error)
{
    struct viv_supervisor *s = z->supervisor;

    z->was_ready |= error == NULL;
    pthread_mutex_lock(&s->start_lock);
    if (!s->started && !s->start_failed) {
        s->started = !error && all_ready(s);
        s->start_failed = error && !z->was_ready;
        if (s->start_failed)
            name_profile(z, error, &s->start_error);
        pthread_cond_broadcast(&s->start_done);
    }
    pthread_mutex_unlock(&s->start_lock);
}

static void try_again_later(struct zygote *z)
{
    z->backoff_ns *= 2;
    if (z->backoff_ns < BACKOFF_FIRST_NS)
        z->backoff_ns = BACKOFF_FIRST_NS;
    if (z->backoff_ns > BACKOFF_MOST_NS)
        z->backoff_ns = BACKOFF_MOST_NS;
    timers_set(&z->supervisor->timers, &z->retry, clock_now() + z->backoff_ns);
}

static void retry(struct timer *timer, int64_t now_ns)
{
    zygote_start((struct zygote *)((char *)timer - offsetof(struct zygote, retry)));
}

/* A network of the machine's is what its profile asks for. */
uint64_t zygote_may_lack(const struct zygote *z)
{
    return z->supervisor->config.allow_absent |
           (z->profile->network ? VIV_LAYER_BIT(VIV_LAYER_NETWORK_NAMESPACE) : 0);
}

static void did_not_come_up(struct zygote *z)
{
    z->broken = true;
    pool_broken(z);
}

void zygote_start(struct zygote *z)
{
    struct viv_supervisor *s = z->supervisor;
    struct viv_error error;

    if (link_start(s->worker_path, z->profile, zygote_may_lack(z), s->config.result_bytes_max,
                   &z->link, &error) < 0) {
        tell_start(z, &error);
        did_not_come_up(z);
        try_again_later(z);
        return;
    }
    z->phase = ZYGOTE_STARTING;
    z->came_up = false;
    z->link_watch.fd = z->link.fd;
    z->end.fd = z->link.pidfd;
    if (watch_start(s->epoll_fd, &z->link_watch, &error) < 0 ||
        watch_start(s->epoll_fd, &z->end, &error) < 0)
        tell_start(z, &error);
}

static void failed(struct zygote *z, const struct viv_zygote_message *m)
{
    struct viv_error error;

    viv_fail(&error, VIV_FAILED_PRECONDITION, "%s", m->text);
    tell_start(z, &error);
}

static void ready(struct zygote *z, const struct viv_zygote_message *m)
{
    struct viv_supervisor *s = z->supervisor;
    uint64_t layers = m->layers & VIV_LAYERS_JAIL;
    struct viv_error error;

    if (layers_check(VIV_LAYERS_JAIL, layers, zygote_may_lack(z), NULL, &error) < 0) {
        tell_start(z, &error);
        shutdown(z->link.fd, SHUT_RDWR); /* it ends of that, and is tried again */
        return;
    }
    z->phase = ZYGOTE_READY;
    z->came_up = true;
    z->broken = false;
    stats_count(&s->stats.zygote_starts);
    z->backoff_ns = 0;
    demand_forgive(&z->demand);
    z->layers = layers | s->enforce.layers;
    z->absent = (VIV_LAYERS_JAIL | VIV_LAYERS_CGROUP) & ~z->layers;
    snprintf(z->vm, sizeof(z->vm), "%.63s", m->text);
    tell_start(z, NULL);
}

/* The worker that a message is about; NULL where that one is gone. */
static struct worker *worker_for(struct zygote *z, const struct viv_zygote_message *m)
{
    struct viv_supervisor *s = z->supervisor;
    struct worker *w;

    if (m->slot >= s->config.workers_max)
        return NULL;
    w = &s->workers[m->slot];
    return w->zygote == z && w->generation == m->generation && w->state != WORKER_FREE ? w : NULL;
}

/* Takes the descriptor. */
static void handle(struct zygote *z, const struct viv_zygote_message *m, int fd)
{
    struct worker *w = worker_for(z, m);
    struct watch stray = {.fd = fd};

    if (m->type == VIV_ZYGOTE_SPAWNED && w && w->state == WORKER_SPAWNING) {
        worker_spawned(w, m, fd);
        return;
    }
    watch_close(z->supervisor->epoll_fd, &stray);
    if (m->type == VIV_ZYGOTE_READY)
        ready(z, m);
    else if (m->type == VIV_ZYGOTE_FAILED)
        failed(z, m);
    else if (m->type == VIV_ZYGOTE_EXITED && w)
        worker_exited(w, m);
}

static void hang_up(struct zygote *z)
{
    watch_stop(z->supervisor->epoll_fd, &z->link_watch);
    z->link_watch.fd = -1;
    link_hang_up(&z->link);
    z->phase = ZYGOTE_DOWN;
}

static void on_message(struct watch *watch)
{
    struct zygote *z = (struct zygote *)((char *)watch - offsetof(struct zygote, link_watch));
    struct viv_zygote_message m;
    struct viv_error error;
    int fd, got;

    while ((got = link_receive(&z->link, &m, &fd, &error)) > 0)
        handle(z, &m, fd);
    if (got < 0 && error.status == VIV_UNAVAILABLE)
        return;
    /* What goes on is told by its end: the kernel ends every worker first. */
    hang_up(z);
}

static void on_end(struct watch *watch)
{
    struct zygote *z = (struct zygote *)((char *)watch - offsetof(struct zygote, end));
    struct viv_supervisor *s = z->supervisor;
    struct viv_error error;

    if (z->link.fd >= 0)
        on_message(&z->link_watch); /* its last words */
    hang_up(z);
    watch_stop(s->epoll_fd, &z->end);
    z->end.fd = -1;
    link_reap(&z->link);
    for (unsigned i = 0; i < s->config.workers_max; i++)
        if (s->workers[i].state != WORKER_FREE && s->workers[i].zygote == z && !s->workers[i].exec)
            worker_zygote_lost(&s->workers[i]);
    viv_fail(&error, VIV_FAILED_PRECONDITION,
             "%s ended before it was ready: its words are on standard error", s->worker_path);
    tell_start(z, &error);
    if (!z->came_up)
        did_not_come_up(z);
    if (!s->stopping)
        try_again_later(z);
}

void zygote_init(struct zygote *z, struct viv_supervisor *s, const struct viv_profile *profile)
{
    *z = (struct zygote){
        .supervisor = s,
        .profile = profile,
        .link = {.fd = -1, .pidfd = -1},
        .link_watch = {.fd = -1, .ready = on_message},
        .end = {.fd = -1, .ready = on_end},
        .retry.fire = retry,
    };
}

void zygote_end(struct zygote *z)
{
    if (z->link.fd < 0)
        return;
    /* One that is ready sees the closed socket; one that hangs in its start
     * does not look: its parent, which is whom we started, kills it and ends last. */
    if (z->phase != ZYGOTE_READY)
        pidfd_send_signal(z->link.pidfd, SIGTERM, NULL, 0);
    hang_up(z);
}
