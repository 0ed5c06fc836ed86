/* The zygote's life, as the reactor sees it. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "supervisor/clock.h"
#include "supervisor/layers.h"
#include "supervisor/supervisor.h"

#define BACKOFF_FIRST_NS INT64_C(100000000)
#define BACKOFF_MOST_NS INT64_C(5000000000)

static void tell_start(struct viv_supervisor *s, const struct viv_error *error)
{
    pthread_mutex_lock(&s->start_lock);
    if (!s->started && !s->start_failed) {
        s->started = error == NULL;
        s->start_failed = error != NULL;
        if (error)
            s->start_error = *error;
        pthread_cond_broadcast(&s->start_done);
    }
    pthread_mutex_unlock(&s->start_lock);
}

static void try_again_later(struct viv_supervisor *s)
{
    s->zygote_backoff_ns *= 2;
    if (s->zygote_backoff_ns < BACKOFF_FIRST_NS)
        s->zygote_backoff_ns = BACKOFF_FIRST_NS;
    if (s->zygote_backoff_ns > BACKOFF_MOST_NS)
        s->zygote_backoff_ns = BACKOFF_MOST_NS;
    timers_set(&s->timers, &s->zygote_retry, clock_now() + s->zygote_backoff_ns);
}

void zygote_retry(struct timer *timer, int64_t now_ns)
{
    zygote_start(
        (struct viv_supervisor *)((char *)timer - offsetof(struct viv_supervisor, zygote_retry)));
}

void zygote_start(struct viv_supervisor *s)
{
    struct viv_error error;

    if (link_start(s->worker_path, (const char *const *)s->preload, s->config.allow_absent,
                   &s->link, &error) < 0) {
        tell_start(s, &error);
        try_again_later(s);
        return;
    }
    s->zygote = ZYGOTE_STARTING;
    s->link_watch.fd = s->link.fd;
    s->zygote_end.fd = s->link.pidfd;
    if (watch_start(s->epoll_fd, &s->link_watch, &error) < 0 ||
        watch_start(s->epoll_fd, &s->zygote_end, &error) < 0)
        tell_start(s, &error);
}

static void failed(struct viv_supervisor *s, const struct viv_zygote_message *m)
{
    struct viv_error error;

    viv_fail(&error, VIV_FAILED_PRECONDITION, "%s", m->text);
    tell_start(s, &error);
}

static void ready(struct viv_supervisor *s, const struct viv_zygote_message *m)
{
    uint64_t layers = m->layers & VIV_LAYERS_JAIL;
    struct viv_error error;

    if (layers_check(VIV_LAYERS_JAIL, layers, s->config.allow_absent, NULL, &error) < 0) {
        tell_start(s, &error);
        shutdown(s->link.fd, SHUT_RDWR); /* it ends of that, and is tried again */
        return;
    }
    s->zygote = ZYGOTE_READY;
    stats_count(&s->stats.zygote_starts);
    s->zygote_backoff_ns = 0;
    s->layers = layers | s->enforce.layers;
    s->absent = (VIV_LAYERS_JAIL | VIV_LAYERS_CGROUP) & ~s->layers;
    snprintf(s->vm, sizeof(s->vm), "%.63s", m->text);
    tell_start(s, NULL);
}

/* The worker that a message is about; NULL where that one is gone. */
static struct worker *worker_for(struct viv_supervisor *s, const struct viv_zygote_message *m)
{
    struct worker *w;

    if (m->slot >= s->config.workers_max)
        return NULL;
    w = &s->workers[m->slot];
    return w->generation == m->generation && w->state != WORKER_FREE ? w : NULL;
}

/* Takes the descriptor. */
static void handle(struct viv_supervisor *s, const struct viv_zygote_message *m, int fd)
{
    struct worker *w = worker_for(s, m);
    struct watch stray = {.fd = fd};

    if (m->type == VIV_ZYGOTE_SPAWNED && w && w->state == WORKER_SPAWNING) {
        worker_spawned(w, m, fd);
        return;
    }
    watch_close(s->epoll_fd, &stray);
    if (m->type == VIV_ZYGOTE_READY)
        ready(s, m);
    else if (m->type == VIV_ZYGOTE_FAILED)
        failed(s, m);
    else if (m->type == VIV_ZYGOTE_EXITED && w)
        worker_exited(w, m);
}

void zygote_ready(struct watch *watch)
{
    struct viv_supervisor *s =
        (struct viv_supervisor *)((char *)watch - offsetof(struct viv_supervisor, link_watch));
    struct viv_zygote_message m;
    struct viv_error error;
    int fd, got;

    while ((got = link_receive(&s->link, &m, &fd, &error)) > 0)
        handle(s, &m, fd);
    if (got < 0 && error.status == VIV_UNAVAILABLE)
        return;
    /* What goes on is told by its end: the kernel ends every worker first. */
    watch_stop(s->epoll_fd, &s->link_watch);
    s->link_watch.fd = -1;
    link_hang_up(&s->link);
    s->zygote = ZYGOTE_DOWN;
}

void zygote_ended(struct watch *watch)
{
    struct viv_supervisor *s =
        (struct viv_supervisor *)((char *)watch - offsetof(struct viv_supervisor, zygote_end));
    struct viv_error error;

    if (s->link.fd >= 0)
        zygote_ready(&s->link_watch); /* its last words */
    watch_stop(s->epoll_fd, &s->link_watch);
    watch_stop(s->epoll_fd, &s->zygote_end);
    s->link_watch.fd = s->zygote_end.fd = -1;
    link_reap(&s->link);
    s->zygote = ZYGOTE_DOWN;
    for (unsigned i = 0; i < s->config.workers_max; i++) {
        if (s->workers[i].state == WORKER_FREE)
            continue;
        worker_zygote_lost(&s->workers[i]);
    }
    viv_fail(&error, VIV_FAILED_PRECONDITION,
             "%s ended before it was ready: its words are on standard error", s->worker_path);
    tell_start(s, &error);
    if (!s->stopping)
        try_again_later(s);
}
