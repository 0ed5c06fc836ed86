/* What one Execute("pass") costs while there is more and more of something
 * else, against a running vivariumd that has room for it.
 *
 * usage: growth_bench TARGET sessions|tenants|queued|cancelled CALLS SIZE...
 *
 *   sessions  SIZE sessions are resident and idle; the calls run in the first
 *   tenants   the calls take turns over SIZE tenants, each with a connection of
 *             its own, all of which have called before
 *   queued    SIZE executions of the tenant `waiting`, which may run one at a
 *             time and does, wait; the calls are another tenant's
 *   cancelled the same, and a call is one more that is put there and cancelled
 *
 * SIZEs rise, and what was made for one is kept for the next. A line for each:
 * SIZE, p50 and p99 in microseconds, and for the queue how long it took to put
 * one more into it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/vivarium_client.h"
#include "tests/bench/samples.h"

static const char *target;
static size_t made, calls;
static double put_us; /* into the queue, each */

static _Noreturn void die(const char *text)
{
    fprintf(stderr, "growth_bench: %s\n", text);
    exit(1);
}

static struct viv_client *connect_as(const char *tenant)
{
    const struct viv_client_options options = {.tenant = tenant};
    struct viv_client *client;
    struct viv_error err;

    if (viv_client_open(target, &options, &client, &err) < 0)
        die(err.text);
    return client;
}

static void run(struct viv_client *client, const char *session)
{
    const struct viv_client_request request = {.code = "pass", .session_id = session};
    struct viv_client_response *response;
    struct viv_error err;

    if (viv_client_execute(client, &request, &response, &err) < 0)
        die(err.text);
    if (response->outcome != VIV_CLIENT_COMPLETED ||
        (response->session && response->session->restored))
        die("an execution did not complete in its worker");
    viv_client_response_free(response);
}

static struct viv_client *first; /* whose calls are measured, but for `tenants` */

/* --- sessions --------------------------------------------------------------- */

static char (*sessions)[24];

static void add_session(size_t i)
{
    struct viv_client_session_open open = {.session_id = sessions[i]};
    struct viv_client_session_reply *reply;
    struct viv_error err;

    snprintf(sessions[i], sizeof(sessions[i]), "growth-%zu", i);
    if (viv_client_session_open(first, &open, &reply, &err) < 0)
        die(err.text);
    viv_client_session_reply_free(reply);
    run(first, sessions[i]);
}

static void prepare_sessions(size_t most)
{
    sessions = calloc(most, sizeof(*sessions));
    first = connect_as(NULL);
}

static void grow_sessions(size_t size)
{
    for (; made < size; made++)
        add_session(made);
}

static void call_session(size_t i)
{
    run(first, sessions[0]);
}

static void end_sessions(void)
{
    for (size_t i = 0; i < made; i++)
        viv_client_session_close(first, sessions[i], 0, NULL);
    viv_client_close(first);
}

/* --- tenants ---------------------------------------------------------------- */

static struct viv_client **tenants;

static void prepare_tenants(size_t most)
{
    tenants = calloc(most, sizeof(*tenants));
}

static void grow_tenants(size_t size)
{
    for (; made < size; made++) {
        char name[24];

        snprintf(name, sizeof(name), "t%zu", made);
        tenants[made] = connect_as(name);
        run(tenants[made], NULL);
    }
}

static void call_tenant(size_t i)
{
    run(tenants[i % made], NULL);
}

static void end_tenants(void)
{
    for (size_t i = 0; i < made; i++)
        viv_client_close(tenants[i]);
}

/* --- queued ----------------------------------------------------------------- */

static struct viv_client *waiting;

static void on_dropped(void *arg, struct viv_client_response *response,
                       const struct viv_error *error)
{
    /* At the end all of them are cancelled. */
    if (error && error->status != VIV_CANCELLED)
        die(error->text);
    viv_client_response_free(response);
}

static void put(const char *code)
{
    const struct viv_client_request request = {
        .code = code,
        .limits.wall_time_ns = INT64_C(3000000000000),
    };
    struct viv_error err;

    if (viv_client_start(waiting, &request, NULL, on_dropped, NULL, NULL, &err) < 0)
        die(err.text);
}

static void look(struct viv_client *client, size_t *ret_queued, size_t *ret_busy)
{
    struct viv_client_description *d;
    struct viv_error err;

    if (viv_client_describe(client, 0, &d, &err) < 0)
        die(err.text);
    *ret_queued = d->pool_queued;
    *ret_busy = d->pool_busy;
    viv_client_description_free(d);
}

static void nap(void)
{
    nanosleep(&(struct timespec){0, 200000}, NULL);
}

/* Until so many wait and `busy` run. */
static void await_pool(size_t queued, size_t busy)
{
    size_t are_queued, are_busy;

    for (;;) {
        look(first, &are_queued, &are_busy);
        if (are_queued >= queued && are_busy >= busy)
            return;
        nap();
    }
}

/* Until nothing is left of who was here before. */
static void await_quiet(struct viv_client *client)
{
    size_t queued, busy;

    for (;;) {
        look(client, &queued, &busy);
        if (queued + busy == 0)
            return;
        nap();
    }
}

static void prepare_queue(size_t most)
{
    first = connect_as("served");
    waiting = connect_as("waiting");
    run(first, NULL);
    await_quiet(waiting); /* and connected: what is put first must come first */
    put("import time\ntime.sleep(3000)");
    await_pool(0, 1);
}

static void grow_queue(size_t size)
{
    size_t before = made;
    double began = now_us();

    for (; made < size; made++)
        put("pass");
    await_pool(size, 1);
    put_us = (now_us() - began) / (double)(size > before ? size - before : 1);
}

static void call_served(size_t i)
{
    run(first, NULL);
}

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool set;
} gone = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void on_gone(void *arg, struct viv_client_response *response, const struct viv_error *error)
{
    if (response && response->outcome != VIV_CLIENT_OUTCOME_CANCELLED)
        die("what was cancelled in the queue has run");
    on_dropped(arg, response, error);
    pthread_mutex_lock(&gone.lock);
    gone.set = true;
    pthread_cond_signal(&gone.changed);
    pthread_mutex_unlock(&gone.lock);
}

/* Whichever of the two calls the supervisor sees first. */
static void call_cancelled(size_t i)
{
    static unsigned long number;
    char id[32];
    const struct viv_client_request request = {.code = "pass", .execution_id = id};
    const struct viv_client_cancel cancel = {.execution_id = id, .wait = true};
    struct viv_client_cancel_reply *reply;
    struct viv_error err;

    snprintf(id, sizeof(id), "cancelled-%lu", number++);
    gone.set = false;
    if (viv_client_start(waiting, &request, NULL, on_gone, NULL, NULL, &err) < 0 ||
        viv_client_cancel(waiting, &cancel, &reply, &err) < 0)
        die(err.text);
    viv_client_cancel_reply_free(reply);
    pthread_mutex_lock(&gone.lock);
    while (!gone.set)
        pthread_cond_wait(&gone.changed, &gone.lock);
    pthread_mutex_unlock(&gone.lock);
}

static void end_queue(void)
{
    viv_client_close(waiting);
    viv_client_close(first);
}

/* --- all --------------------------------------------------------------------- */

static const struct kind {
    const char *name;
    void (*prepare)(size_t most);
    void (*grow)(size_t size);
    void (*call)(size_t i);
    void (*end)(void);
} kinds[] = {
    {"sessions", prepare_sessions, grow_sessions, call_session, end_sessions},
    {"tenants", prepare_tenants, grow_tenants, call_tenant, end_tenants},
    {"queued", prepare_queue, grow_queue, call_served, end_queue},
    {"cancelled", prepare_queue, grow_queue, call_cancelled, end_queue},
};

static const struct kind *kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    die("usage: growth_bench TARGET sessions|tenants|queued|cancelled CALLS SIZE...");
}

static void measure(const struct kind *kind, size_t size)
{
    static struct samples samples;

    samples.count = 0;
    kind->grow(size);
    for (size_t i = 0; i < calls / 10; i++) /* the first ones pay for what came before */
        kind->call(i);
    for (size_t i = 0; i < calls; i++) {
        double began = now_us();

        kind->call(i);
        samples_add(&samples, now_us() - began);
    }
    printf("%zu %.1f %.1f", size, samples_percentile(&samples, 0.5),
           samples_percentile(&samples, 0.99));
    if (put_us > 0)
        printf(" %.1f", put_us);
    puts("");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const struct kind *kind = kind_of(argc > 4 ? argv[2] : "");

    target = argv[1];
    calls = strtoul(argv[3], NULL, 10);
    if (calls == 0 || calls > SAMPLES_MAX)
        die("CALLS: 1 to 4096");
    kind->prepare(strtoul(argv[argc - 1], NULL, 10));
    for (int i = 4; i < argc; i++)
        measure(kind, strtoul(argv[i], NULL, 10));
    kind->end();
    return 0;
}
