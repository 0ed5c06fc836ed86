#include "supervisor/own_zygote.h"

#include <signal.h>
#include <stddef.h>
#include <sys/pidfd.h>

#include "supervisor/supervisor.h"

static struct worker *of_link(struct watch *watch)
{
    return (struct worker *)((char *)watch - offsetof(struct worker, own.link_watch));
}

static struct worker *of_end(struct watch *watch)
{
    return (struct worker *)((char *)watch - offsetof(struct worker, own.end));
}

/* Its profile's zygote said which layers there are, and answers are told those. */
static bool is_as_told(const struct worker *w, const struct viv_zygote_message *m)
{
    return ((m->layers ^ w->zygote->layers) & VIV_LAYERS_JAIL) == 0;
}

static void ready(struct worker *w, const struct viv_zygote_message *m)
{
    w->own.ready = true;
    if (!is_as_told(w, m) || worker_order(w, &w->own.link, NULL) < 0)
        worker_event(w, WORKER_SPAWN_FAILED);
}

/* Takes the descriptor. */
static void handle(struct worker *w, const struct viv_zygote_message *m, int fd)
{
    struct watch stray = {.fd = fd};

    if (m->type == VIV_ZYGOTE_SPAWNED && w->state == WORKER_SPAWNING) {
        worker_spawned(w, m, fd);
        return;
    }
    watch_close(w->supervisor->epoll_fd, &stray);
    if (m->type == VIV_ZYGOTE_READY && w->state == WORKER_SPAWNING)
        ready(w, m);
    else if (m->type == VIV_ZYGOTE_FAILED && w->state == WORKER_SPAWNING)
        worker_event(w, WORKER_SPAWN_FAILED);
    else if (m->type == VIV_ZYGOTE_EXITED && w->state != WORKER_FREE)
        worker_exited(w, m);
}

static void hang_up(struct worker *w)
{
    watch_stop(w->supervisor->epoll_fd, &w->own.link_watch);
    w->own.link_watch.fd = -1;
    link_hang_up(&w->own.link);
}

static void on_message(struct watch *watch)
{
    struct worker *w = of_link(watch);
    struct viv_zygote_message m;
    struct viv_error error;
    int fd;

    /* What is handled may be the worker's end, and so its own. */
    while (w->own.link.fd >= 0) {
        int got = link_receive(&w->own.link, &m, &fd, &error);

        if (got < 0 && error.status == VIV_UNAVAILABLE)
            return;
        if (got > 0)
            handle(w, &m, fd);
        else
            hang_up(w);
    }
}

static void on_end(struct watch *watch)
{
    struct worker *w = of_end(watch);

    if (w->own.link.fd >= 0)
        on_message(&w->own.link_watch); /* its last words */
    hang_up(w);
    watch_stop(w->supervisor->epoll_fd, &w->own.end);
    w->own.end.fd = -1;
    link_reap(&w->own.link);
    worker_zygote_lost(w);
}

void own_zygote_init(struct own_zygote *own)
{
    *own = (struct own_zygote){
        .link = {.fd = -1, .pidfd = -1},
        .link_watch = {.fd = -1, .ready = on_message},
        .end = {.fd = -1, .ready = on_end},
    };
}

int own_zygote_start(struct worker *w, struct viv_error *err)
{
    struct viv_supervisor *s = w->supervisor;
    struct own_zygote *own = &w->own;

    if (link_start(s->worker_path, w->zygote->profile, zygote_may_lack(w->zygote),
                   s->config.result_bytes_max, &own->link, err) < 0)
        return -1;
    own->ready = false;
    own->link_watch.fd = own->link.fd;
    own->end.fd = own->link.pidfd;
    if (watch_start(s->epoll_fd, &own->end, err) == 0 &&
        watch_start(s->epoll_fd, &own->link_watch, err) == 0)
        return 0;
    own_zygote_kill(w);
    hang_up(w);
    watch_stop(s->epoll_fd, &own->end);
    own->end.fd = -1;
    link_reap(&own->link);
    return -1;
}

/* SIGTERM, for what we started is only the zygote's parent: it kills and ends last. */
void own_zygote_kill(struct worker *w)
{
    if (w->own.link.pidfd >= 0)
        pidfd_send_signal(w->own.link.pidfd, SIGTERM, NULL, 0);
}

void own_zygote_end(struct worker *w)
{
    if (w->own.link.fd < 0)
        return;
    /* One that is ready sees the closed socket. */
    if (!w->own.ready)
        own_zygote_kill(w);
    hang_up(w);
}

bool own_zygote_gone(const struct own_zygote *own)
{
    return own->link.pidfd < 0;
}

void own_zygotes_end(struct viv_supervisor *s)
{
    for (unsigned i = 0; i < s->config.workers_max; i++)
        own_zygote_end(&s->workers[i]);
}

bool own_zygotes_gone(const struct viv_supervisor *s)
{
    for (unsigned i = 0; i < s->config.workers_max; i++)
        if (!own_zygote_gone(&s->workers[i].own))
            return false;
    return true;
}
