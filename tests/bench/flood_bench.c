/* What one tenant's flood costs another.
 *
 * usage: flood_bench WORKER
 *
 * A tenant submits batches of executions, each of which sleeps for a while. Once
 * it is alone with half of the workers, which is its share; once it has all of
 * them to itself and a tenant that has 10,000 executions queued. How long its
 * executions wait should be the same. They sleep, so that workers are what is
 * scarce, and not this machine's processors. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "supervisor/vivarium.h"

#define WORKERS 8
#define FLOOD 10000
#define BATCHES 6
#define BATCH 24
#define SAMPLES (BATCHES * BATCH)

static const char code[] = "import time\ntime.sleep(0.1)";

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    double wait_ms[SAMPLES];
    unsigned count, flood;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static _Noreturn void die(const char *text)
{
    fprintf(stderr, "flood_bench: %s\n", text);
    exit(1);
}

static void on_other(void *arg, const struct viv_result *result)
{
    pthread_mutex_lock(&seen.lock);
    if (result->outcome != VIV_OUTCOME_COMPLETED)
        die(viv_outcome_name(result->outcome));
    seen.wait_ms[seen.count++] = (double)result->usage.queue_ns / 1e6;
    pthread_cond_signal(&seen.changed);
    pthread_mutex_unlock(&seen.lock);
}

static void on_flood(void *arg, const struct viv_result *result)
{
    pthread_mutex_lock(&seen.lock);
    seen.flood++;
    pthread_mutex_unlock(&seen.lock);
}

static void on_rejected(void *arg, const struct viv_error *error)
{
    /* At the end, when what is left of the flood is dropped. */
    if (error->status != VIV_UNAVAILABLE)
        die(error->text);
}

static void submit(struct viv_supervisor *s, const char *tenant,
                   void (*finished)(void *, const struct viv_result *))
{
    const struct viv_callbacks callbacks = {.finished = finished, .rejected = on_rejected};
    const struct viv_request request = {.tenant = tenant, .code = code, .code_len = strlen(code)};
    struct viv_error err;

    if (viv_submit(s, &request, &callbacks, NULL, NULL, &err) < 0)
        die(err.text);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double measure(const char *worker, unsigned workers, unsigned flood)
{
    struct viv_supervisor *s;
    struct viv_config config;
    struct viv_error err;

    viv_config_init(&config);
    config.worker_path = worker;
    config.workers_warm = config.workers_max = workers;
    config.queue_max = FLOOD + SAMPLES;
    config.allow_absent = UINT64_MAX;
    if (viv_supervisor_create(&config, &s, &err) < 0)
        die(err.text);
    seen.count = seen.flood = 0;
    for (unsigned i = 0; i < flood; i++)
        submit(s, "flood", on_flood);
    for (unsigned batch = 0; batch < BATCHES; batch++) {
        for (unsigned i = 0; i < BATCH; i++)
            submit(s, "other", on_other);
        pthread_mutex_lock(&seen.lock);
        while (seen.count < (batch + 1) * BATCH)
            pthread_cond_wait(&seen.changed, &seen.lock);
        pthread_mutex_unlock(&seen.lock);
    }
    if (flood > 0)
        printf("of the flood, %u of %u had run by then\n", seen.flood, flood);
    viv_supervisor_destroy(s);
    qsort(seen.wait_ms, SAMPLES, sizeof(double), by_value);
    return seen.wait_ms[SAMPLES / 2];
}

int main(int argc, char **argv)
{
    double alone, flooded;

    if (argc != 2)
        die("usage: flood_bench WORKER");
    alone = measure(argv[1], WORKERS / 2, 0);
    flooded = measure(argv[1], WORKERS, FLOOD);
    printf("median wait alone, with %d workers: %.1f ms; with %d and %d of another queued: "
           "%.1f ms, %.2f times that\n",
           WORKERS / 2, alone, WORKERS, FLOOD, flooded, flooded / alone);
    return 0;
}
