/* Executions on their way: submitted, queued, running, finished. */
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "supervisor/clock.h"
#include "supervisor/queue.h"
#include "supervisor/session.h"
#include "supervisor/submit.h"
#include "supervisor/supervisor.h"

/* A cancel that is under way is rung again this often, so that code which
 * swallows it, or was just out of reach, gets it again. */
#define RING_AGAIN_NS INT64_C(10000000)
#define CPU_CHECK_MIN_NS INT64_C(1000000)
#define CPU_SLACK_NS INT64_C(20000000)

static int64_t processors(void)
{
    static _Atomic int64_t known;

    if (known == 0) {
        long n = sysconf(_SC_NPROCESSORS_ONLN);

        known = n > 0 ? n : 1;
    }
    return known;
}

void schedule_enlist(struct viv_supervisor *s, struct execution *e)
{
    if (e->tenant)
        TAILQ_INSERT_TAIL(&e->tenant->executions, e, of_tenant);
    e->next = NULL;
    e->previous = s->newest;
    if (s->newest)
        s->newest->next = e;
    else
        s->oldest = e;
    s->newest = e;
}

static void list_remove(struct viv_supervisor *s, struct execution *e)
{
    if (e->tenant)
        TAILQ_REMOVE(&e->tenant->executions, e, of_tenant);
    if (e->previous)
        e->previous->next = e->next;
    else
        s->oldest = e->next;
    if (e->next)
        e->next->previous = e->previous;
    else
        s->newest = e->previous;
}

void schedule_requeue(struct viv_supervisor *s, struct execution *e)
{
    struct worker *w = e->worker;

    s->running_count--;
    e->worker = NULL;
    e->phase = EXECUTION_UNBORN;
    if (execution_is_own(e)) {
        schedule_finish(s, e, NULL, NULL);
        return;
    }
    if (w->session) { /* which its worker has taken with it */
        session_lost(w->session, VIV_RESTORED_FROM_CRASH);
        queue_give_up(s, e);
        session_put_back(e->session, e);
        return;
    }
    queue_put_back(s, e);
    schedule_timer(e);
}

void schedule_take_turn(struct viv_supervisor *s, struct execution *e, struct worker *w)
{
    struct viv_error late;

    if (!e->deadline_ns || clock_now() < e->deadline_ns) {
        schedule_assign(s, e, w);
        return;
    }
    queue_give_up(s, e);
    viv_fail(&late, VIV_DEADLINE_EXCEEDED, "its deadline came while it waited for a worker");
    schedule_finish(s, e, NULL, &late);
}

void schedule_assign(struct viv_supervisor *s, struct execution *e, struct worker *w)
{
    queue_began(s, e);
    s->running_count++;
    pool_began(s);
    e->phase = EXECUTION_RUNNING;
    e->worker = w;
    e->exec = w->exec;
    w->execution = e;
    worker_event(w, WORKER_RUN);
}

void schedule_unqueue(struct viv_supervisor *s, struct execution *e)
{
    if (e->phase == EXECUTION_WAITING) {
        session_unqueue(e);
    } else if (e->held) {
        queue_unhold(s, e);
    } else if (e->parked) {
        pool_unpark(s, e);
        queue_give_up(s, e);
    } else {
        queue_remove(s, e);
    }
}

struct execution *schedule_find(struct viv_supervisor *s, viv_ticket ticket)
{
    size_t index = (size_t)(ticket & 0xfffff) - 1;
    struct execution *e;

    if (index >= s->execution_count)
        return NULL;
    e = &s->executions[index];
    return e->ticket == ticket && e->phase != EXECUTION_UNBORN ? e : NULL;
}

static void free_place(struct viv_supervisor *s, struct execution *e)
{
    bool own = execution_is_own(e);

    execution_clear(e);
    if (!own)
        submit_release(s, e);
}

void schedule_answered(struct viv_supervisor *s, struct execution *e, const struct viv_death *death)
{
    s->running_count--;
    pool_answered(s);
    queue_ended(s, e);
    e->worker = NULL;
    e->phase = EXECUTION_SAVING;
    timers_stop(&s->timers, &e->timer);
    if (!e->session || !e->answer.given || !session_save(e->session, e))
        schedule_finish(s, e, death, NULL);
}

static void forget_name(struct viv_supervisor *s, struct execution *e)
{
    if (execution_is_own(e))
        return;
    registry_remove(&s->registry, &e->name);
    remembered_end(&s->remembered, e->name.hash, clock_now());
}

void schedule_finish(struct viv_supervisor *s, struct execution *e, const struct viv_death *death,
                     const struct viv_error *error)
{
    struct session *session = e->session && e->session->turn == e ? e->session : NULL;
    bool done = e->answer.given && !e->answer.scope_refused;
    enum execution_kind kind = e->kind;

    timers_stop(&s->timers, &e->timer);
    list_remove(s, e);
    forget_name(s, e);
    e->phase = EXECUTION_UNBORN;
    submit_settle(s, e);
    if (error)
        execution_reject(e, error);
    else
        execution_report(e, death, e->zygote->layers, e->zygote->absent);
    free_place(s, e);
    /* Last: the session may need the place that has become free. */
    if (session)
        session_turn_over(session, kind, done);
    queue_serve_held(s);
    if (s->draining)
        drain_check(s);
}

/* Whether it may be queued. */
static int admit(struct viv_supervisor *s, struct execution *e, struct viv_error *err)
{
    if (s->draining || s->stopping)
        return viv_fail(err, VIV_UNAVAILABLE, "the supervisor is draining: ask another one");
    if (e->name.id[0] == '\0')
        random_id(&s->ids, e->name.id);
    if (registry_find(&s->registry, e->name.tenant, e->name.id))
        return viv_fail(err, VIV_ALREADY_EXISTS,
                        "execution_id %s is queued or running: choose another, or leave it empty",
                        e->name.id);
    return queue_admit(s, e, err);
}

void schedule_submitted(struct viv_supervisor *s, struct command *command)
{
    struct execution *e =
        (struct execution *)((char *)command - offsetof(struct execution, submitted));
    viv_ticket ticket = e->coming_ticket;
    struct early_cancel early;
    struct viv_error error;

    e->ticket = ticket;
    queue_meet(s, e->tenant);
    if (admit(s, e, &error) < 0) {
        submit_settle(s, e);
        execution_reject(e, &error);
        free_place(s, e);
        return;
    }
    registry_add(&s->registry, &e->name);
    schedule_enlist(s, e);
    if (e->session_id[0] || e->kind != EXECUTION_CODE)
        session_arrive(s, e);
    else
        queue_push(s, e);
    if (!schedule_find(s, ticket))
        return; /* it has ended already */
    if (remembered_take_cancel(&s->remembered, e->name.tenant, e->name.id, e->submitted_ns,
                               &early)) {
        cancel_execution(e, VIV_CAUSE_CANCEL_RPC, early.reason, early.force);
        return;
    }
    pool_assign(s);
    if (e->phase == EXECUTION_QUEUED)
        schedule_timer(e);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When its reader has held it up for too long. */
static int64_t stall_ends(const struct execution *e)
{
    int64_t patience_ns = e->supervisor->config.output_stall_ns;

    return e->paused && patience_ns > 0 ? e->paused_ns + patience_ns : INT64_MAX;
}

static int64_t next_of_running(struct execution *e)
{
    int64_t at = e->began_ns + e->limits.wall_time_ns;

    if (e->deadline_ns)
        at = earlier(at, e->deadline_ns);
    at = earlier(at, stall_ends(e));
    if (!e->next_cpu_check_ns)
        e->next_cpu_check_ns = e->began_ns + e->limits.cpu_time_ns / processors();
    if (!e->next_look_ns)
        e->next_look_ns = enforce_first_look(e);
    return earlier(at, earlier(e->next_cpu_check_ns, e->next_look_ns));
}

static int64_t kill_at(const struct execution *e)
{
    return cancel_record_kill_at(&e->cancel, e->limits.cancel_grace_ns, e->limits.cleanup_grace_ns);
}

void schedule_timer(struct execution *e)
{
    struct timers *timers = &e->supervisor->timers;
    int64_t at = INT64_MAX;

    if ((e->phase == EXECUTION_QUEUED || e->phase == EXECUTION_WAITING) && e->deadline_ns)
        at = e->deadline_ns;
    else if (e->phase == EXECUTION_RUNNING && e->worker->state == WORKER_RUNNING)
        at = next_of_running(e);
    else if (e->phase == EXECUTION_RUNNING && e->worker->state == WORKER_CANCELLING)
        at = earlier(clock_now() + RING_AGAIN_NS, kill_at(e));
    if (at == INT64_MAX)
        timers_stop(timers, &e->timer);
    else
        timers_set(timers, &e->timer, at);
}

static void check_cpu(struct execution *e, int64_t now_ns)
{
    int64_t used = enforce_cpu_ns(e->worker);
    int64_t left = e->limits.cpu_time_ns - used;

    /* Code that keeps one processor busy reaches both limits at once where they
     * are the same: then it is the wall's. */
    if (e->limits.cpu_time_ns == e->limits.wall_time_ns)
        left += CPU_SLACK_NS;

    if (used >= 0 && left <= 0) {
        cancel_execution(e, VIV_CAUSE_CPU_TIME, NULL, false);
        return;
    }
    left /= processors();
    e->next_cpu_check_ns = now_ns + (left > CPU_CHECK_MIN_NS ? left : CPU_CHECK_MIN_NS);
    schedule_timer(e);
}

/* False: it is above its memory, and has its cause. */
static bool look(struct execution *e, int64_t now_ns)
{
    e->next_look_ns = enforce_look(e, now_ns);
    return e->cancel.cause == VIV_CAUSE_NONE;
}

void schedule_pause(struct execution *e)
{
    if (e->cancel.cause != VIV_CAUSE_NONE) {
        e->callbacks.output = NULL;
        return;
    }
    if (e->paused)
        return;
    e->paused = true;
    e->paused_ns = clock_now();
    schedule_timer(e);
}

void schedule_resume(struct execution *e)
{
    if (!e->paused)
        return;
    e->paused = false;
    if (e->worker)
        worker_watch_output(e->worker, true);
}

void schedule_read_on(struct execution *e)
{
    if (!e->paused)
        return;
    e->callbacks.output = NULL;
    schedule_resume(e);
}

/* Who reads nothing has a worker for nothing, and one more, until all are his. */
static void end_stall(struct execution *e)
{
    char reason[128];

    if (e->outlives_reader) {
        schedule_read_on(e);
        schedule_timer(e);
        return;
    }
    snprintf(reason, sizeof(reason), "its client has not read its output for %.3g s",
             (double)e->supervisor->config.output_stall_ns / 1e9);
    cancel_execution(e, VIV_CAUSE_CLIENT_GONE, reason, false);
}

static void check_running(struct execution *e, int64_t now_ns)
{
    if (e->deadline_ns && now_ns >= e->deadline_ns)
        cancel_execution(e, VIV_CAUSE_DEADLINE, NULL, false);
    else if (now_ns >= e->began_ns + e->limits.wall_time_ns)
        cancel_execution(e, VIV_CAUSE_WALL_TIME, NULL, false);
    else if (now_ns >= stall_ends(e))
        end_stall(e);
    else if (now_ns < e->next_look_ns || look(e, now_ns))
        check_cpu(e, now_ns);
}

static void check_cancelling(struct execution *e, int64_t now_ns)
{
    if (now_ns >= kill_at(e)) {
        worker_event(e->worker, WORKER_KILL);
        return;
    }
    worker_ring(e->worker);
    schedule_timer(e);
}

void schedule_timer_fired(struct timer *timer, int64_t now_ns)
{
    struct execution *e = (struct execution *)((char *)timer - offsetof(struct execution, timer));
    struct viv_error late;

    if (e->phase == EXECUTION_QUEUED || e->phase == EXECUTION_WAITING) {
        viv_fail(&late, VIV_DEADLINE_EXCEEDED, "its deadline came while it waited for a worker");
        schedule_unqueue(e->supervisor, e);
        schedule_finish(e->supervisor, e, NULL, &late);
    } else if (e->worker->state == WORKER_RUNNING) {
        check_running(e, now_ns);
    } else if (e->worker->state == WORKER_CANCELLING) {
        check_cancelling(e, now_ns);
    }
}
