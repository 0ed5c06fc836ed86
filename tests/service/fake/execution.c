#include "tests/service/fake/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vivarium/v1/vivarium.pb-c.h"

#define FAKE_RUNNING_MAX 4096
/* Of what is printed, after a cancel and to nobody. */
#define UNTOLD 100

int64_t fake_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

void fake_copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "default");
}

void fake_finish(struct viv_supervisor *s, struct execution **link)
{
    struct execution *e = *link;
    Vivarium__V1__ExecuteResponse part = VIVARIUM__V1__EXECUTE_RESPONSE__INIT;
    struct viv_result r = {.execution_id = e->id, .outcome = e->outcome, .exit_status = -1};
    Vivarium__V1__ScopeSnapshot scope = VIVARIUM__V1__SCOPE_SNAPSHOT__INIT;
    Vivarium__V1__ManifestEntry entry = VIVARIUM__V1__MANIFEST_ENTRY__INIT, *entries = &entry;
    Vivarium__V1__Manifest manifest = VIVARIUM__V1__MANIFEST__INIT;
    const struct viv_session_state session = {e->session, VIV_RESTORED_FROM_KILL, 1500000000, false,
                                              "the disk is full"};
    char *big = calloc(1, e->repr_len + 1);
    char *printed = e->cancelled ? calloc((size_t)e->written + 1, (size_t)e->size + 1) : NULL;
    uint8_t *body;

    memset(big, 'r', e->repr_len);
    scope.format_version = 1;
    entry.name = (char *)"n";
    manifest.n_entries = 1;
    manifest.entries = &entries;
    part.result_repr = e->repr_len > 0 ? big : e->repr;
    if (e->kind != VIV_REQUEST_EXECUTE)
        part.result_repr = (char *)"";
    if (e->kind == VIV_REQUEST_GET_SCOPE) {
        part.scope = &scope;
        part.manifest = &manifest;
    }
    if (e->kind == VIV_REQUEST_SET_SCOPE || e->kind == VIV_REQUEST_OPEN_SESSION)
        part.restore_manifest = &manifest;
    if (e->session[0])
        r.session = &session;
    body = malloc(vivarium__v1__execute_response__get_packed_size(&part));
    r.body = body;
    r.body_len = vivarium__v1__execute_response__pack(&part, body);
    r.usage.wall_ns = fake_now() - e->began_ns;
    r.usage.stdout_bytes = (uint64_t)(e->written * e->size);
    r.stdout_data = (uint8_t *)printed;
    r.stdout_len = printed ? r.usage.stdout_bytes : 0;
    r.layers = 5;
    r.receipt = e->cancelled ? &e->receipt : NULL;
    if (e->outcome == VIV_OUTCOME_WORKER_DIED)
        r.death = (struct viv_death){11, -1, "killed by signal 11 (SIGSEGV)"};
    *link = e->next;
    if (e->callbacks.finished)
        e->callbacks.finished(e->arg, &r);
    while (e->waiters) {
        struct waiter *w = e->waiters;

        e->waiters = w->next;
        w->done(w->arg, VIV_CANCEL_FINISHED, e->cancelled ? &e->receipt : NULL);
        free(w);
    }
    free(body);
    free(printed);
    free(big);
    free(e);
}

void fake_cancel(struct execution *e, enum viv_cause cause, const char *reason)
{
    if (e->cancelled)
        return;
    e->cancelled = true;
    e->outcome = cause == VIV_CAUSE_DEADLINE ? VIV_OUTCOME_WALL_TIME_EXCEEDED
                                             : VIV_OUTCOME_CANCELLED;
    e->receipt.cause = cause;
    e->receipt.delivery = strncmp(e->command, "stubborn", 8) == 0 ? VIV_DELIVERY_KILLED
                                                                  : VIV_DELIVERY_COOPERATIVE;
    e->receipt.requested_ns = fake_now() - e->began_ns + 1;
    fake_copy(e->receipt.reason, sizeof(e->receipt.reason), reason ? reason : "");
    e->ends_ns = fake_now();
    if (strncmp(e->command, "stubborn", 8) == 0)
        e->ends_ns += e->count * 1000000;
    /* As the real one does, it reads on. */
    if (e->paused)
        e->written += UNTOLD;
    e->count = e->written;
}

static void print_some(struct execution *e)
{
    char *data = malloc((size_t)e->size);

    memset(data, 'x', (size_t)e->size);
    while (e->written < e->count && !e->paused) {
        e->written++;
        e->paused = !e->callbacks.output(e->arg, VIV_STDOUT, data, (size_t)e->size);
    }
    free(data);
    if (e->written == e->count)
        e->ends_ns = fake_now();
}

static void begin(struct execution *e)
{
    e->began_ns = fake_now();
    e->ends_ns = e->began_ns;
    e->outcome = VIV_OUTCOME_COMPLETED;
    e->started = true;
    if (e->callbacks.started)
        e->callbacks.started(e->arg, e->id);
    if (strcmp(e->command, "describe") != 0)
        fake_copy(e->repr, sizeof(e->repr), "ok");
    if (sscanf(e->command, "sleep %ld", &e->count) == 1)
        e->ends_ns += e->count * 1000000;
    else if (sscanf(e->command, "stubborn %ld", &e->count) == 1 || strcmp(e->command, "loop") == 0)
        e->ends_ns = NEVER;
    else if (sscanf(e->command, "print %ld %ld", &e->count, &e->size) == 2)
        e->ends_ns = e->callbacks.output ? NEVER : e->began_ns;
    else if (sscanf(e->command, "result %ld", &e->size) == 1)
        e->repr_len = (size_t)e->size;
    else if (strcmp(e->session, "slow") == 0)
        e->ends_ns = NEVER;
    else if (strcmp(e->session, "dead") == 0 || strcmp(e->command, "die") == 0)
        e->outcome = VIV_OUTCOME_WORKER_DIED;
}

void fake_admit(struct viv_supervisor *s, struct execution *e)
{
    struct execution **end = &s->executions;
    struct viv_error err = {0};
    unsigned count = 0;

    for (; *end; end = &(*end)->next, count++)
        if (strcmp((*end)->id, e->id) == 0 && strcmp((*end)->tenant, e->tenant) == 0)
            viv_fail(&err, VIV_ALREADY_EXISTS, "execution_id %s is in use", e->id);
    if (s->draining)
        viv_fail(&err, VIV_UNAVAILABLE, "draining");
    else if (strcmp(e->session, "none") == 0)
        viv_fail(&err, VIV_NOT_FOUND, "there is no session none");
    else if (strcmp(e->command, "reject") == 0 || count >= FAKE_RUNNING_MAX)
        viv_fail(&err, VIV_RESOURCE_EXHAUSTED, "the queue is full");
    if (err.status == VIV_OK) {
        *end = e;
        begin(e);
        return;
    }
    e->callbacks.rejected(e->arg, &err);
    free(e);
}

int64_t fake_step_all(struct viv_supervisor *s)
{
    int64_t due = s->draining ? s->drain_at_ns : NEVER;
    struct execution **link = &s->executions;

    if (s->draining && due <= fake_now()) {
        for (struct execution *e = s->executions; e; e = e->next)
            fake_cancel(e, VIV_CAUSE_DRAIN, NULL);
        due = NEVER;
    }
    while (*link) {
        struct execution *e = *link;

        if (e->deadline_ns <= fake_now())
            fake_cancel(e, VIV_CAUSE_DEADLINE, NULL);
        if (e->written < e->count && e->size > 0 && e->callbacks.output && !e->paused)
            print_some(e);
        if (e->ends_ns <= fake_now()) {
            fake_finish(s, link);
            continue;
        }
        due = e->ends_ns < due ? e->ends_ns : due;
        due = !e->cancelled && e->deadline_ns < due ? e->deadline_ns : due;
        link = &e->next;
    }
    if (s->draining && !s->executions)
        while (s->drain_count > 0) {
            s->drain_count--;
            s->drains[s->drain_count].done(s->drains[s->drain_count].arg);
        }
    return due;
}
