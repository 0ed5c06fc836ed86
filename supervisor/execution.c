#include "supervisor/execution.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "proto/internal/worker.pb-c.h"
#include "supervisor/clock.h"
#include "supervisor/limits.h"

#define DEFAULT_FILENAME "<execution>"
/* For what a session does for itself: its scope, its exit functions. */
#define OWN_WALL_NS INT64_C(10000000000)

static void copy_id(char *to, const char *from, const char *fallback)
{
    strncpy(to, from && *from ? from : fallback, VIV_ID_MAX);
}

static char *append(char *at, const void *data, size_t len)
{
    if (len > 0)
        memcpy(at, data, len);
    return at + len;
}

/* All in one block, so that there is one thing to free. */
static int copy_request(struct execution *e, const struct viv_request *r, struct viv_error *err)
{
    const char *filename = r->filename && *r->filename ? r->filename : DEFAULT_FILENAME;
    size_t filename_size = strlen(filename) + 1;
    size_t size = r->code_len + r->scope_len + r->stdin_len;
    char *at = malloc(size + filename_size);

    if (!at)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory for a request of %zu bytes",
                        size);
    e->block = at;
    e->code = at;
    e->code_len = r->code_len;
    at = append(at, r->code, r->code_len);
    e->scope_len = r->scope_len;
    at = append(at, r->scope, r->scope_len);
    e->stdin_data = at;
    e->stdin_len = r->stdin_len;
    at = append(at, r->stdin_data, r->stdin_len);
    e->filename = at;
    append(at, filename, filename_size);
    return 0;
}

static unsigned level_of(enum viv_priority priority)
{
    return priority == VIV_PRIORITY_HIGH ? 0 : priority == VIV_PRIORITY_LOW ? 2 : 1;
}

int execution_fill(struct execution *e, const struct viv_request *request,
                   const struct viv_limits *limits, const struct viv_callbacks *callbacks,
                   void *arg, struct viv_error *err)
{
    if (copy_request(e, request, err) < 0)
        return -1;
    memset(&e->name, 0, sizeof(e->name));
    copy_id(e->name.tenant, request->tenant, "default");
    copy_id(e->name.id, request->execution_id, "");
    e->limits = *limits;
    e->deadline_ns = request->deadline_ns;
    e->cancel_on_output_limit = request->cancel_on_output_limit;
    e->outlives_reader = request->outlives_reader;
    e->item =
        (struct fair_item){.level = level_of(request->priority), .size = limits->memory_bytes};
    e->kind = (enum execution_kind)request->kind;
    e->return_scope = request->return_scope || request->kind == VIV_REQUEST_GET_SCOPE;
    e->observe = request->observe;
    memset(e->session_id, 0, sizeof(e->session_id));
    copy_id(e->session_id, request->session_id, "");
    e->idle_timeout_ns = request->idle_timeout_ns;
    e->durability = request->durability;
    e->callbacks = *callbacks;
    e->arg = arg;
    e->submitted_ns = clock_now();
    e->submitted_realtime_ns = clock_realtime();
    output_init(&e->output, limits->output_bytes);
    return 0;
}

void execution_fill_own(struct execution *e, const char *tenant, enum execution_kind kind,
                        const struct viv_config *config)
{
    const struct viv_limits none = {0};

    e->kind = kind;
    memset(&e->name, 0, sizeof(e->name));
    copy_id(e->name.tenant, tenant, "default");
    e->filename = e->code = "";
    e->stdin_data = NULL;
    e->code_len = e->scope_len = e->stdin_len = 0;
    e->return_scope = e->cancel_on_output_limit = e->outlives_reader = false;
    e->observe = (struct viv_observe){0};
    e->deadline_ns = 0;
    e->callbacks = (struct viv_callbacks){0};
    e->submitted_ns = clock_now();
    e->submitted_realtime_ns = clock_realtime();
    limits_resolve(&none, &config->defaults, &config->ceilings, &e->limits, NULL);
    if (e->limits.wall_time_ns > OWN_WALL_NS)
        e->limits.wall_time_ns = OWN_WALL_NS;
    output_init(&e->output, 0);
}

void execution_number(struct execution *e, uint64_t number)
{
    if (strcmp(e->filename, DEFAULT_FILENAME) != 0)
        return;
    snprintf(e->numbered, sizeof(e->numbered), "<execution %" PRIu64 ">", number);
    e->filename = e->numbered;
}

void blob_free(struct blob *blob)
{
    if (blob->mapped)
        munmap(blob->data, blob->len);
    else
        free(blob->data);
    *blob = (struct blob){0};
}

static void answer_free(struct answer *answer)
{
    blob_free(&answer->body);
    blob_free(&answer->checkpoint);
    *answer = (struct answer){0};
}

void execution_clear(struct execution *e)
{
    free(e->block);
    e->block = NULL;
    output_free(&e->output);
    answer_free(&e->answer);
    e->phase = EXECUTION_UNBORN;
    e->worker = NULL;
    e->session = NULL;
    e->save = false;
    e->session_state = (struct viv_session_state){0};
    e->save_error[0] = '\0';
    e->began_ns = e->answered_ns = 0;
    e->next_cpu_check_ns = e->next_look_ns = 0;
    e->forced = e->paused = false;
    e->notes = 0;
    memset(&e->cancel, 0, sizeof(e->cancel));
}

static enum viv_outcome answered_outcome(const struct execution *e)
{
    switch (e->answer.end) {
    case VIVARIUM__INTERNAL__RUN_END__RUN_END_RAISED:
        return VIV_OUTCOME_RAISED;
    case VIVARIUM__INTERNAL__RUN_END__RUN_END_CANCELLED:
        return VIV_OUTCOME_CANCELLED;
    case VIVARIUM__INTERNAL__RUN_END__RUN_END_STEPS_EXCEEDED:
        return VIV_OUTCOME_STEPS_EXCEEDED;
    case VIVARIUM__INTERNAL__RUN_END__RUN_END_MEMORY_EXCEEDED:
        return VIV_OUTCOME_MEMORY_EXCEEDED;
    default:
        return VIV_OUTCOME_COMPLETED;
    }
}

/* The first cause decides wherever the cancel took effect; code that ended by
 * itself before that ended as it did. */
static enum viv_outcome outcome_of(const struct execution *e)
{
    const struct cancel_record *c = &e->cancel;

    if (c->cause != VIV_CAUSE_NONE && (c->killed_ns || c->raise_count > 0 || e->began_ns == 0))
        return receipt_outcome(c->cause);
    return e->answer.given ? answered_outcome(e) : VIV_OUTCOME_WORKER_DIED;
}

static void fill_output(const struct execution *e, struct viv_result *r)
{
    const struct output_buffer *out = &e->output.streams[0], *errs = &e->output.streams[1];

    r->stdout_data = (const uint8_t *)out->data;
    r->stdout_len = out->len;
    r->stdout_truncated = out->truncated;
    r->usage.stdout_bytes = out->seen;
    r->stderr_data = (const uint8_t *)errs->data;
    r->stderr_len = errs->len;
    r->stderr_truncated = errs->truncated;
    r->usage.stderr_bytes = errs->seen;
}

static void fill_usage(const struct execution *e, struct viv_result *r)
{
    int64_t ended = e->answered_ns ? e->answered_ns : clock_now();

    r->usage.queue_ns = (e->began_ns ? e->began_ns : ended) - e->submitted_ns;
    r->usage.wall_ns = e->began_ns ? ended - e->began_ns : 0;
    r->usage.user_cpu_ns = e->answer.user_cpu_ns;
    r->usage.system_cpu_ns = e->answer.system_cpu_ns;
    r->usage.peak_memory_bytes = e->answer.peak_rss_bytes;
    r->usage.steps = e->answer.steps;
}

static void tell_waiters(struct execution *e, const struct viv_receipt *receipt)
{
    struct waiter *w = e->waiters;

    e->waiters = NULL;
    while (w) {
        struct waiter *next = w->next;

        w->done(w->arg, VIV_CANCEL_FINISHED, receipt);
        free(w);
        w = next;
    }
}

void execution_report(struct execution *e, const struct viv_death *death, uint64_t layers,
                      uint64_t absent)
{
    struct viv_receipt receipt;
    struct viv_result result = {
        .execution_id = e->name.id,
        .outcome = outcome_of(e),
        .body = e->answer.body.data,
        .body_len = e->answer.body.len,
        .session = e->session ? &e->session_state : NULL,
        .exit_status = e->answer.given ? e->answer.exit_status : -1,
        .death = {.exit_status = -1},
        .layers = layers,
        .absent = absent,
        .isolation = e->exec ? VIV_ISOLATION_EXEC : VIV_ISOLATION_FORK,
    };

    if (e->save_error[0])
        e->session_state.save_error = e->save_error;
    fill_output(e, &result);
    fill_usage(e, &result);
    if (e->cancel.cause != VIV_CAUSE_NONE) {
        e->cancel.finished_ns = clock_now();
        receipt_make(&e->cancel, e->began_ns, &receipt);
        result.receipt = &receipt;
    }
    if (result.outcome == VIV_OUTCOME_WORKER_DIED && death)
        result.death = *death;
    if (e->callbacks.finished)
        e->callbacks.finished(e->arg, &result);
    tell_waiters(e, result.receipt);
}

void execution_reject(struct execution *e, const struct viv_error *error)
{
    if (e->callbacks.rejected)
        e->callbacks.rejected(e->arg, error);
    tell_waiters(e, NULL);
}
