/* Execute("pass") against a running vivariumd, through the client library.
 *
 * usage: execute_bench TARGET IN_FLIGHT SECONDS [PROFILE]
 *
 * Keeps IN_FLIGHT executions under way for SECONDS and prints one line:
 * executions, executions per second, p50 and p99 in microseconds. Every answer
 * is looked at: one that isn't COMPLETED ends the program with status 1. */
#include <pthread.h>
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
    int64_t began_ns;
};

static const char *profile; /* NULL: the default one */

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void start(struct lane *lane);

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
    if (completed && now < b->until_ns)
        start(lane);
    else
        lane_ends(b, !completed);
}

static void start(struct lane *lane)
{
    const struct viv_client_request request = {.code = "pass", .worker_profile = profile};
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

static void run(struct bench *b, unsigned in_flight, double seconds)
{
    struct lane *lanes = calloc(in_flight, sizeof(*lanes));
    int64_t began = now_ns();

    b->until_ns = began + (int64_t)(seconds * 1e9);
    b->under_way = in_flight;
    for (unsigned i = 0; lanes && i < in_flight; i++) {
        lanes[i].bench = b;
        start(&lanes[i]);
    }
    pthread_mutex_lock(&b->lock);
    while (b->under_way > 0)
        pthread_cond_wait(&b->quiet, &b->lock);
    pthread_mutex_unlock(&b->lock);
    if (b->count > 0)
        print_line(b, now_ns() - began);
    free(lanes);
}

int main(int argc, char **argv)
{
    static struct bench bench = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                 .quiet = PTHREAD_COND_INITIALIZER};
    struct viv_error err;

    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: execute_bench TARGET IN_FLIGHT SECONDS [PROFILE]\n");
        return 2;
    }
    profile = argv[4];
    if (viv_client_open(argv[1], NULL, &bench.client, &err) < 0 ||
        warm_up(bench.client, &err) < 0) {
        fprintf(stderr, "execute_bench: %s\n", err.text);
        return 1;
    }
    run(&bench, (unsigned)strtoul(argv[2], NULL, 10), strtod(argv[3], NULL));
    viv_client_close(bench.client);
    return bench.failures > 0 || bench.count == 0;
}
