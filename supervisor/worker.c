#include "supervisor/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/clock.h"
#include "supervisor/process_tree.h"
#include "supervisor/session.h"
#include "supervisor/supervisor.h"
#include "supervisor/worker_io.h"

#define START_TIMEOUT_NS INT64_C(10000000000)
/* With a zygote of its own, which has modules to import. */
#define EXEC_TIMEOUT_NS INT64_C(40000000000)

static void start_too_slow(struct timer *timer, int64_t now_ns)
{
    struct worker *w = (struct worker *)((char *)timer - offsetof(struct worker, timer));

    snprintf(w->conviction, sizeof(w->conviction), "took too long to start");
    if (w->exec && w->state == WORKER_SPAWNING)
        own_zygote_kill(w);
    else
        worker_event(w, WORKER_KILL);
}

int worker_open(struct worker *worker, struct viv_supervisor *supervisor, uint32_t index,
                struct viv_error *err)
{
    *worker = (struct worker){
        .index = index,
        .supervisor = supervisor,
        .channel = {.fd = -1, .ready = worker_io_channel_ready},
        .outputs = {{.fd = -1, .ready = worker_io_stdout_ready},
                    {.fd = -1, .ready = worker_io_stderr_ready}},
        .init_pidfd = -1,
        .vm_pidfd = -1,
        .timer = {.fire = start_too_slow},
    };
    own_zygote_init(&worker->own);
    return control_open(&worker->control, err);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_process(struct worker *w)
{
    int epoll_fd = w->supervisor->epoll_fd;

    watch_close(epoll_fd, &w->channel);
    watch_close(epoll_fd, &w->outputs[0]);
    watch_close(epoll_fd, &w->outputs[1]);
    close_fd(&w->init_pidfd);
    close_fd(&w->vm_pidfd);
    timers_stop(&w->supervisor->timers, &w->timer);
    own_zygote_end(w);
}

void worker_close(struct worker *worker)
{
    if (!worker->control.page)
        return;
    close_process(worker);
    control_close(&worker->control);
}

/* The supervisor's ends and, in `theirs`, those for the worker. */
static int make_pipes(struct worker *w, int theirs[VIV_SPAWN_FDS], struct viv_error *err)
{
    int channel[2] = {-1, -1}, out[2] = {-1, -1}, errs[2] = {-1, -1};

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0 ||
        pipe2(out, O_CLOEXEC) < 0 || pipe2(errs, O_CLOEXEC) < 0 ||
        fcntl(channel[0], F_SETFL, O_NONBLOCK) < 0 || fcntl(out[0], F_SETFL, O_NONBLOCK) < 0 ||
        fcntl(errs[0], F_SETFL, O_NONBLOCK) < 0) {
        viv_fail_errno(err, VIV_INTERNAL, "can't make a worker's channel and pipes");
        for (int i = 0; i < 2; i++) {
            close_fd(&channel[i]);
            close_fd(&out[i]);
            close_fd(&errs[i]);
        }
        return -1;
    }
    w->channel.fd = channel[0];
    w->outputs[0].fd = out[0];
    w->outputs[1].fd = errs[0];
    theirs[VIV_SPAWN_CHANNEL] = channel[1];
    theirs[VIV_SPAWN_CONTROL] = w->control.fd;
    theirs[VIV_SPAWN_STDOUT] = out[1];
    theirs[VIV_SPAWN_STDERR] = errs[1];
    return 0;
}

int worker_order(struct worker *w, struct link *link, struct viv_error *err)
{
    struct viv_cgroup_entrance entrance;
    int theirs[VIV_SPAWN_FDS], rc;

    if (enforce_spawn(w, &entrance, err) < 0 || make_pipes(w, theirs, err) < 0)
        return -1;
    control_reset(&w->control);
    w->generation = ++w->supervisor->next_generation;
    rc = link_spawn(link, w->index, w->generation, theirs, &entrance, err);
    close(theirs[VIV_SPAWN_CHANNEL]);
    close(theirs[VIV_SPAWN_STDOUT]);
    close(theirs[VIV_SPAWN_STDERR]);
    if (rc < 0)
        close_process(w);
    return rc;
}

int worker_spawn(struct worker *w, struct zygote *zygote, struct demand_tenant *demand,
                 struct viv_error *err)
{
    w->zygote = zygote;
    w->demand = demand;
    w->exec = demand->exec;
    if ((w->exec ? own_zygote_start(w, err) : worker_order(w, &zygote->link, err)) < 0)
        return -1;
    w->has_status = w->we_killed = w->hung_up = false;
    w->session_runs = 0;
    w->conviction[0] = '\0';
    worker_event(w, WORKER_SPAWN);
    timers_set(&w->supervisor->timers, &w->timer,
               clock_now() + (w->exec ? EXEC_TIMEOUT_NS : START_TIMEOUT_NS));
    return 0;
}

void worker_spawned(struct worker *w, const struct viv_zygote_message *message, int pidfd)
{
    if (message->error != 0 || pidfd < 0) {
        if (pidfd >= 0)
            close(pidfd);
        worker_event(w, WORKER_SPAWN_FAILED);
        return;
    }
    w->init_pidfd = pidfd;
    w->init_pid = process_tree_pid(pidfd);
    worker_event(w, WORKER_SPAWNED);
}

/* Our own SIGKILL says nothing of why; a process that was ending already keeps
 * its own status. */
static void take_status(struct worker *w, int status)
{
    bool ours = w->we_killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;

    if (w->has_status || ours)
        return;
    w->status = status;
    w->has_status = true;
}

void worker_exited(struct worker *w, const struct viv_zygote_message *message)
{
    struct execution *e = w->execution;

    /* What it sent before it ended comes first. */
    worker_io_drain_channel(w);
    take_status(w, message->wait_status);
    if (e && e == w->execution) {
        e->answer.user_cpu_ns = (int64_t)message->user_cpu_ns;
        e->answer.system_cpu_ns = (int64_t)message->system_cpu_ns;
        if (message->peak_rss_bytes)
            e->answer.peak_rss_bytes = message->peak_rss_bytes;
    }
    worker_event(w, WORKER_EXITED);
}

void worker_zygote_lost(struct worker *w)
{
    worker_io_drain_channel(w);
    w->hung_up = false; /* because it is dead, with all others */
    if (w->state != WORKER_FREE)
        worker_event(w, WORKER_ZYGOTE_LOST);
}

void worker_ring(struct worker *w)
{
    if (w->vm_pidfd >= 0)
        pidfd_send_signal(w->vm_pidfd, VIV_DOORBELL, NULL, 0);
}

void worker_watch_output(struct worker *w, bool on)
{
    for (int i = 0; i < 2; i++) {
        if (on)
            watch_start(w->supervisor->epoll_fd, &w->outputs[i], NULL);
        else
            watch_stop(w->supervisor->epoll_fd, &w->outputs[i]);
    }
}

/* SIGKILL to the namespace's init: the kernel kills the rest and the zygote's
 * wait returns only when all are reaped (pid_namespaces(7)). */
static void kill_all(struct worker *w)
{
    if (!w->we_killed && w->init_pidfd >= 0)
        pidfd_send_signal(w->init_pidfd, SIGKILL, NULL, 0);
    if (!w->we_killed)
        enforce_kill(w);
    w->we_killed = true;
}

static void kill_running(struct worker *w)
{
    struct execution *e = w->execution;

    if (e && e->cancel.cause != VIV_CAUSE_NONE && !w->we_killed && !w->has_status) {
        unsigned below = process_tree_count(w->init_pid, 1024);

        /* Below init are the VM process and what it started. */
        e->cancel.processes_killed = below ? below : 1;
        e->cancel.killed_ns = clock_now();
    }
    kill_all(w);
}

static void watch_all(struct worker *w)
{
    if (watch_start(w->supervisor->epoll_fd, &w->channel, NULL) < 0) {
        snprintf(w->conviction, sizeof(w->conviction), "its channel can't be polled");
        worker_event(w, WORKER_KILL);
        return;
    }
    worker_watch_output(w, true);
}

static void ring_first(struct worker *w)
{
    struct execution *e = w->execution;

    control_cancel(&w->control, e->ticket, e->cancel.cause, e->cancel.reason);
    worker_ring(w);
    e->cancel.flag_set_ns = clock_now();
}

/* Nothing that it says matters any more: its end is the zygote's to tell. */
static void stop_listening(struct worker *w)
{
    watch_stop(w->supervisor->epoll_fd, &w->channel);
    worker_watch_output(w, false);
}

/* The answer is in. One that nobody cancelled is told at once: what the
 * worker left running is killed off the caller's path. After a cancel the
 * caller is promised that nothing is left, so it waits for the end. */
static void take_result(struct worker *w)
{
    struct execution *e = w->execution;

    worker_io_drain_output(w, false);
    enforce_end(w, false);
    if (w->session)
        session_lost(w->session, VIV_RESTORED_FROM_KILL);
    if (e->cancel.cause == VIV_CAUSE_NONE) {
        w->execution = NULL;
        schedule_answered(w->supervisor, e, NULL);
        stop_listening(w);
    }
    kill_all(w);
}

/* What a session's code left running goes on, with the worker. A reader who has paused was
 * this execution's: the next one's output is read. */
static void keep(struct worker *w)
{
    struct execution *e = w->execution;

    worker_io_drain_output(w, false);
    enforce_end(w, false);
    w->execution = NULL;
    worker_watch_output(w, true);
    schedule_answered(w->supervisor, e, NULL);
}

static void describe_death(const struct worker *w, struct viv_death *ret_death)
{
    struct viv_death d = {.exit_status = -1};

    if (w->conviction[0]) {
        snprintf(d.text, sizeof(d.text), "killed by the supervisor: %.120s", w->conviction);
    } else if (w->has_status && WIFSIGNALED(w->status)) {
        const char *name = sigabbrev_np(WTERMSIG(w->status));

        d.signal = WTERMSIG(w->status);
        snprintf(d.text, sizeof(d.text), "killed by signal %d (%s%s)", d.signal, name ? "SIG" : "",
                 name ? name : "unknown");
    } else if (w->has_status) {
        d.exit_status = WEXITSTATUS(w->status);
        snprintf(d.text, sizeof(d.text), "exited with status %d before it answered", d.exit_status);
    } else if (w->hung_up) {
        snprintf(d.text, sizeof(d.text), "killed by the supervisor: it closed its channel");
    } else {
        snprintf(d.text, sizeof(d.text), "the zygote died and took every worker with it");
    }
    *ret_death = d;
}

static void release(struct worker *w)
{
    struct viv_supervisor *s = w->supervisor;
    struct execution *e = w->execution;

    if (e)
        enforce_end(w, true);
    if (w->session)
        session_lost(w->session, e && e->cancel.cause != VIV_CAUSE_NONE ? VIV_RESTORED_FROM_KILL
                                                                        : VIV_RESTORED_FROM_CRASH);
    if (e) {
        struct viv_death death;

        worker_io_drain_output(w, true);
        describe_death(w, &death);
        w->execution = NULL;
        if (!e->answered_ns)
            e->answered_ns = clock_now();
        schedule_answered(s, e, &death);
    }
    close_process(w);
}

/* Keeps the pool's counts, which follow from the states alone. */
static void count_state(const struct worker *w, enum worker_state state, int change)
{
    struct viv_supervisor *s = w->supervisor;

    switch (state) {
    case WORKER_SPAWNING:
    case WORKER_STARTING:
        s->starting_count += (unsigned)change;
        s->exec_starting_count += w->exec ? (unsigned)change : 0;
        break;
    case WORKER_IDLE:
        s->idle_count += (unsigned)change;
        s->exec_idle_count += w->exec ? (unsigned)change : 0;
        break;
    case WORKER_RUNNING:
    case WORKER_CANCELLING:
        s->busy_count += (unsigned)change;
        break;
    case WORKER_HELD:
        s->held_count += (unsigned)change;
        break;
    case WORKER_ENDING:
        s->ending_count += (unsigned)change;
        break;
    case WORKER_FREE:
    case WORKER_STATES:
        break;
    }
}

static void leave_state(struct worker *w, enum worker_state next)
{
    struct viv_supervisor *s = w->supervisor;
    int64_t now;

    if (w->state == next)
        return;
    now = clock_now();
    stats_worker_moved(&s->stats, w->state, next, now - w->since_ns);
    w->since_ns = now;
    count_state(w, w->state, -1);
    count_state(w, next, +1);
    demand_move(w->demand, w->state, next);
    if (w->state == WORKER_IDLE)
        pool_forget_idle(s, w);
    if (w->state == WORKER_STARTING)
        timers_stop(&s->timers, &w->timer);
    if (w->state == WORKER_SPAWNING || w->state == WORKER_STARTING)
        pool_started(w, next);
    w->state = next;
}

void worker_event(struct worker *w, enum worker_event event)
{
    struct worker_step step = worker_step(w->state, event);

    if (step.action == WORKER_DO_CONVICT)
        stats_count(&w->supervisor->stats.convicted);
    leave_state(w, step.next);
    switch (step.action) {
    case WORKER_DO_WATCH:
        watch_all(w);
        break;
    case WORKER_DO_OFFER:
        enforce_idle(w);
        pool_offer(w->supervisor, w);
        break;
    case WORKER_DO_START:
        worker_io_start(w);
        break;
    case WORKER_DO_RING:
        ring_first(w);
        break;
    case WORKER_DO_TAKE_NOTE:
        worker_io_take_note(w);
        break;
    case WORKER_DO_TAKE_RESULT:
        take_result(w);
        break;
    case WORKER_DO_KEEP:
        keep(w);
        break;
    case WORKER_DO_TAKE_STATUS:
        kill_all(w);
        break;
    case WORKER_DO_KILL:
    case WORKER_DO_CONVICT:
        kill_running(w);
        break;
    case WORKER_DO_RELEASE:
        release(w);
        break;
    case WORKER_DO_NOTHING:
    case WORKER_DO_REFUSE:
        break;
    }
    /* Nobody may be given to it while its end is awaited. */
    if (w->state == WORKER_ENDING && w->session && !w->execution)
        session_lost(w->session, VIV_RESTORED_FROM_CRASH);
}
