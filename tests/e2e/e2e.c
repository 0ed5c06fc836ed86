#include "tests/e2e/e2e.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Far beyond what any test takes, so that a hang fails instead of hanging. */
#define PATIENCE_NS (60 * E2E_SECOND)

struct e2e e2e;

int e2e_set_up(void **state)
{
    struct viv_error err;

    if (!daemon_start(&e2e.daemon, NULL))
        return -1;
    if (viv_client_open(e2e.daemon.target, NULL, &e2e.client, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    return 0;
}

int e2e_tear_down(void **state)
{
    viv_client_close(e2e.client);
    daemon_terminate(&e2e.daemon);
    return daemon_wait(&e2e.daemon) ? 0 : -1;
}

int64_t e2e_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * E2E_SECOND + t.tv_nsec;
}

void e2e_need(const char *layer)
{
    struct viv_client_description *d = NULL;
    bool there = false;

    assert_int_equal(viv_client_describe(e2e.client, PATIENCE_NS, &d, NULL), 0);
    for (unsigned i = 0; i < d->enforcement.layer_count; i++)
        there = there || strcmp(d->enforcement.layers[i], layer) == 0;
    viv_client_description_free(d);
    if (!there)
        skip();
}

struct viv_client *e2e_open(const char *tenant)
{
    struct viv_client_options options = {.tenant = tenant};
    struct viv_client *client = NULL;

    assert_int_equal(viv_client_open(e2e.daemon.target, &options, &client, NULL), 0);
    return client;
}

/* ---- one after the other ---- */

struct viv_client_response *e2e_run_request(const struct viv_client_request *request)
{
    struct viv_client_request patient = *request;
    struct viv_client_response *response = NULL;
    struct viv_error err;

    if (!patient.timeout_ns)
        patient.timeout_ns = PATIENCE_NS;
    if (viv_client_execute(e2e.client, &patient, &response, &err))
        fail_msg("it did not run: %d %s", (int)err.status, err.text);
    return response;
}

struct viv_client_response *e2e_run(const char *code)
{
    struct viv_client_request request = {.code = code};

    return e2e_run_request(&request);
}

void e2e_expect_refused(const struct viv_client_request *request, enum viv_status status)
{
    struct viv_client_response *response = NULL;
    struct viv_error err = {0};

    if (!viv_client_execute(e2e.client, request, &response, &err))
        fail_msg("it ran: %s", viv_client_outcome_name(response->outcome));
    if (err.status != status)
        fail_msg("status %d: %s", (int)err.status, err.text);
    assert_true(strlen(err.text) > 10); /* says what to change */
}

static void check_outcome(const struct viv_client_response *r, enum viv_client_outcome outcome)
{
    if (r->outcome != (int)outcome)
        fail_msg("outcome %s: %s", viv_client_outcome_name(r->outcome),
                 r->exception    ? r->exception->traceback
                 : r->death_text ? r->death_text
                                 : "");
}

void e2e_expect_outcome(const char *code, enum viv_client_outcome outcome)
{
    struct viv_client_response *r = e2e_run(code);

    check_outcome(r, outcome);
    viv_client_response_free(r);
}

void e2e_expect_stdout(const char *code, const char *wanted)
{
    struct viv_client_response *r = e2e_run(code);

    check_outcome(r, VIV_CLIENT_COMPLETED);
    assert_int_equal(r->stdout_len, strlen(wanted));
    assert_memory_equal(r->stdout_data, wanted, r->stdout_len);
    viv_client_response_free(r);
}

void e2e_expect_repr(const char *code, const char *wanted)
{
    struct viv_client_response *r = e2e_run(code);

    check_outcome(r, VIV_CLIENT_COMPLETED);
    assert_non_null(r->result_repr);
    assert_string_equal(r->result_repr, wanted);
    viv_client_response_free(r);
}

void e2e_expect_alive(void)
{
    e2e_expect_repr("6 * 7", "42");
}

/* ---- under way ---- */

static bool on_started(void *arg, const char *execution_id)
{
    struct e2e_running *r = arg;

    pthread_mutex_lock(&r->mutex);
    snprintf(r->id, sizeof(r->id), "%s", execution_id);
    r->started = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
    return true;
}

static bool on_output(void *arg, enum viv_client_stream stream, const void *data, size_t len)
{
    struct e2e_running *r = arg;
    size_t room;

    pthread_mutex_lock(&r->mutex);
    room = sizeof(r->output) - 1 - r->output_len;
    if (len > room)
        len = room;
    memcpy(r->output + r->output_len, data, len);
    r->output_len += len;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
    return true;
}

static void on_done(void *arg, struct viv_client_response *response, const struct viv_error *error)
{
    struct e2e_running *r = arg;

    pthread_mutex_lock(&r->mutex);
    r->done = true;
    r->response = response;
    if (error)
        r->error = *error;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
}

void e2e_begin_request(struct e2e_running *running, struct viv_client *client,
                       const struct viv_client_request *request)
{
    struct viv_client_request patient = *request;
    struct viv_client_events events = {on_started, on_output};

    *running = (struct e2e_running){.mutex = PTHREAD_MUTEX_INITIALIZER,
                                    .changed = PTHREAD_COND_INITIALIZER};
    if (!patient.timeout_ns)
        patient.timeout_ns = PATIENCE_NS;
    assert_int_equal(
        viv_client_start(client, &patient, &events, on_done, running, &running->call, NULL), 0);
}

void e2e_begin(struct e2e_running *running, struct viv_client *client, const char *id,
               const char *code)
{
    struct viv_client_request request = {
        .execution_id = id,
        .code = code,
        .limits = {.cancel_grace_ns = 60 * E2E_SECOND, .cleanup_grace_ns = 60 * E2E_SECOND},
    };

    e2e_begin_request(running, client, &request);
}

void e2e_wait_started(struct e2e_running *running)
{
    bool started;

    pthread_mutex_lock(&running->mutex);
    while (!running->started && !running->done)
        pthread_cond_wait(&running->changed, &running->mutex);
    started = running->started;
    pthread_mutex_unlock(&running->mutex);
    if (!started)
        fail_msg("it ended before it began: %s", running->error.text);
}

void e2e_wait_output(struct e2e_running *running, const char *text)
{
    bool found;

    pthread_mutex_lock(&running->mutex);
    while (!(found = strstr(running->output, text) != NULL) && !running->done)
        pthread_cond_wait(&running->changed, &running->mutex);
    pthread_mutex_unlock(&running->mutex);
    if (!found)
        fail_msg("it ended without writing \"%s\"", text);
}

struct viv_client_response *e2e_wait(struct e2e_running *running)
{
    pthread_mutex_lock(&running->mutex);
    while (!running->done)
        pthread_cond_wait(&running->changed, &running->mutex);
    pthread_mutex_unlock(&running->mutex);
    return running->response;
}

struct viv_client_response *e2e_wait_response(struct e2e_running *running)
{
    struct viv_client_response *response = e2e_wait(running);

    if (!response)
        fail_msg("it did not run: %d %s", (int)running->error.status, running->error.text);
    return response;
}

void e2e_end(struct e2e_running *running)
{
    e2e_wait(running);
    viv_client_response_free(running->response);
    running->response = NULL;
    viv_client_call_release(running->call);
    running->call = NULL;
}

struct viv_client_cancel_reply *e2e_cancel(const char *id, bool force, bool wait)
{
    struct viv_client_cancel cancel = {.execution_id = id,
                                       .reason = "the test says so",
                                       .force = force,
                                       .wait = wait,
                                       .timeout_ns = PATIENCE_NS};
    struct viv_client_cancel_reply *reply = NULL;
    struct viv_error err;

    if (viv_client_cancel(e2e.client, &cancel, &reply, &err))
        fail_msg("cancel: %d %s", (int)err.status, err.text);
    return reply;
}
