/* Execute("pass") against a running vivariumd, through the client library.
 *
 * usage: execute_bench [--session] [--pause MS] [--profile NAME] TARGET IN_FLIGHT SECONDS
 *
 * Keeps IN_FLIGHT executions under way for SECONDS and prints one line:
 * executions, executions per second, p50 and p99 in microseconds. Every answer
 * is looked at: one that isn't COMPLETED ends the program with status 1.
 * With --session each of the IN_FLIGHT runs in a session of its own; with
 * --pause each waits so long before its next one. */
#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client/vivarium_client.h"

#define SAMPLES_MAX (1u << 20)

struct bench {
    struct viv_client *client;
    pthread_mutex_t lock;
    pthread_cond_t quiet;
    int64_t until_ns;
    unsigned under_way;
    unsigned failures;
    size_t count;
    int64_t samples[SAMPLES_MAX];
};

/* One of the IN_FLIGHT: starts its next execution when one has ended. */
struct lane {
    struct bench *bench;
    struct viv_client_session_reply *session; /* NULL: fresh workers */
    int64_t began_ns;
};

static const char *profile; /* NULL: the default one */
static bool in_sessions;
static int64_t pause_ns;

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void start(struct lane *lane);

static void rest(void)
{
    const struct timespec t = {.tv_sec = pause_ns / 1000000000, .tv_nsec = pause_ns % 1000000000};

    if (pause_ns)
        nanosleep(&t, NULL);
}

static void lane_ends(struct bench *b, int failed)
{
    pthread_mutex_lock(&b->lock);
    b->failures += failed != 0;
    if (--b->under_way == 0)
        pthread_cond_signal(&b->quiet);
    pthread_mutex_unlock(&b->lock);
}

static void finished(void *arg, struct viv_client_response *response, const struct viv_error *error)
{
    struct lane *lane = arg;
    struct bench *b = lane->bench;
    int64_t now = now_ns();
    int completed = !error && response->outcome == VIV_CLIENT_COMPLETED;

    if (error)
        fprintf(stderr, "execute_bench: %s\n", error->text);
    else if (!completed)
        fprintf(stderr, "execute_bench: %s\n", viv_client_outcome_name(response->outcome));
    viv_client_response_free(response);
    pthread_mutex_lock(&b->lock);
    if (completed && b->count < SAMPLES_MAX)
        b->samples[b->count++] = now - lane->began_ns;
    pthread_mutex_unlock(&b->lock);
    if (completed && now < b->until_ns) {
        rest();
        start(lane);
    } else {
        lane_ends(b, !completed);
    }
}

static void start(struct lane *lane)
{
    const struct viv_client_request request = {
        .code = "pass",
        .worker_profile = lane->session ? NULL : profile,
        .session_id = lane->session ? lane->session->session_id : NULL,
    };
    struct viv_error err;

    lane->began_ns = now_ns();
    if (viv_client_start(lane->bench->client, &request, NULL, finished, lane, NULL, &err) == 0)
        return;
    fprintf(stderr, "execute_bench: %s\n", err.text);
    lane_ends(lane->bench, 1);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static double percentile_us(const struct bench *b, double p)
{
    return (double)b->samples[(size_t)((double)(b->count - 1) * p)] / 1e3;
}

static void print_line(struct bench *b, int64_t took_ns)
{
    qsort(b->samples, b->count, sizeof(*b->samples), by_value);
    printf("%zu %.1f %.1f %.1f\n", b->count, (double)b->count * 1e9 / (double)took_ns,
           percentile_us(b, 0.5), percentile_us(b, 0.99));
}

/* The first executions pay for the connection and fill caches. */
static int warm_up(struct viv_client *client, struct viv_error *err)
{
    const struct viv_client_request request = {.code = "pass", .worker_profile = profile};

    for (int i = 0; i < 20; i++) {
        struct viv_client_response *response;

        if (viv_client_execute(client, &request, &response, err) < 0)
            return -1;
        viv_client_response_free(response);
    }
    return 0;
}

static void open_session(struct lane *lane)
{
    const struct viv_client_session_open open = {.worker_profile = profile};
    struct viv_error err;

    if (viv_client_session_open(lane->bench->client, &open, &lane->session, &err) == 0)
        return;
    fprintf(stderr, "execute_bench: %s\n", err.text);
    exit(1);
}

static void close_session(struct lane *lane)
{
    if (!lane->session)
        return;
    viv_client_session_close(lane->bench->client, lane->session->session_id, 0, NULL);
    viv_client_session_reply_free(lane->session);
}

static void prepare(struct lane *lane, struct bench *b)
{
    lane->bench = b;
    if (in_sessions)
        open_session(lane);
}

static void run(struct bench *b, unsigned in_flight, double seconds)
{
    struct lane *lanes = calloc(in_flight, sizeof(*lanes));
    int64_t began;

    if (!lanes)
        abort();
    for (unsigned i = 0; i < in_flight; i++)
        prepare(&lanes[i], b);
    began = now_ns();
    b->until_ns = began + (int64_t)(seconds * 1e9);
    b->under_way = in_flight;
    for (unsigned i = 0; i < in_flight; i++)
        start(&lanes[i]);
    pthread_mutex_lock(&b->lock);
    while (b->under_way > 0)
        pthread_cond_wait(&b->quiet, &b->lock);
    pthread_mutex_unlock(&b->lock);
    if (b->count > 0)
        print_line(b, now_ns() - began);
    for (unsigned i = 0; i < in_flight; i++)
        close_session(&lanes[i]);
    free(lanes);
}

static const struct option options[] = {
    {"session", no_argument, NULL, 's'},
    {"pause", required_argument, NULL, 'p'},
    {"profile", required_argument, NULL, 'P'},
    {0},
};

/* How many of the words were options; -1: one of them isn't known. */
static int take_options(int argc, char **argv)
{
    for (;;) {
        switch (getopt_long(argc, argv, "", options, NULL)) {
        case 's':
            in_sessions = true;
            break;
        case 'p':
            pause_ns = (int64_t)(strtod(optarg, NULL) * 1e6);
            break;
        case 'P':
            profile = optarg;
            break;
        case -1:
            return optind;
        default:
            return -1;
        }
    }
}

int main(int argc, char **argv)
{
    static struct bench bench = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                 .quiet = PTHREAD_COND_INITIALIZER};
    struct viv_error err;
    int first = take_options(argc, argv);
    unsigned in_flight = first > 0 && argc == first + 3 ? (unsigned)atoi(argv[first + 1]) : 0;

    /* A pause is slept on the client's only thread. */
    if (in_flight == 0 || (pause_ns && in_flight > 1)) {
        fprintf(stderr, "usage: execute_bench [--session] [--pause MS] [--profile NAME] "
                        "TARGET IN_FLIGHT SECONDS\n"
                        "--pause is for 1 IN_FLIGHT\n");
        return 2;
    }
    if (viv_client_open(argv[first], NULL, &bench.client, &err) < 0 ||
        warm_up(bench.client, &err) < 0) {
        fprintf(stderr, "execute_bench: %s\n", err.text);
        return 1;
    }
    run(&bench, in_flight, strtod(argv[first + 2], NULL));
    viv_client_close(bench.client);
    return bench.failures > 0 || bench.count == 0;
}
