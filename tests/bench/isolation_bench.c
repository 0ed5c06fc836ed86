/* What isolation costs: a worker that is cloned from its profile's zygote, beside
 * one from a zygote of its own.
 *
 * usage: isolation_bench WORKER [MODULE]...
 *
 * No worker waits, so that each execution pays for its worker's start. All of it is
 * counted: processor time is that of every process below the supervisor, less what
 * a supervisor takes that runs nothing, and memory that of the workers and zygotes
 * that wait. MODULEs are preloaded. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/process_tree.h"
#include "supervisor/vivarium.h"

#define ROUNDS 3
#define RUNS 20
#define WARM 4

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned ended;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

struct figures {
    double ms[ROUNDS * RUNS];
    unsigned count;
    double cpu_ms;
    uint64_t idle_bytes;
};

static _Noreturn void die(const char *text)
{
    fprintf(stderr, "isolation_bench: %s\n", text);
    exit(1);
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void on_finished(void *arg, const struct viv_result *result)
{
    if (result->outcome != VIV_OUTCOME_COMPLETED)
        die(viv_outcome_name(result->outcome));
    pthread_mutex_lock(&seen.lock);
    seen.ended++;
    pthread_cond_signal(&seen.changed);
    pthread_mutex_unlock(&seen.lock);
}

static void on_rejected(void *arg, const struct viv_error *error)
{
    die(error->text);
}

static void run_one(struct viv_supervisor *s)
{
    static const struct viv_callbacks callbacks = {.finished = on_finished,
                                                   .rejected = on_rejected};
    const struct viv_request request = {.code = "pass", .code_len = 4};
    struct viv_error err;
    unsigned before;

    pthread_mutex_lock(&seen.lock);
    before = seen.ended;
    pthread_mutex_unlock(&seen.lock);
    if (viv_submit(s, &request, &callbacks, NULL, NULL, &err) < 0)
        die(err.text);
    pthread_mutex_lock(&seen.lock);
    while (seen.ended == before)
        pthread_cond_wait(&seen.changed, &seen.lock);
    pthread_mutex_unlock(&seen.lock);
}

static struct viv_supervisor *start(const char *worker, const char *const *preload,
                                    enum viv_isolation isolation, unsigned warm)
{
    static const char *const paths[] = {"/etc/alternatives", NULL}; /* numpy's BLAS */
    const struct viv_profile profile = {.name = "default",
                                        .preload = preload,
                                        .read_only_paths = preload[0] ? paths : NULL,
                                        .workers_warm = warm,
                                        .isolation = isolation};
    struct viv_supervisor *s;
    struct viv_config config;
    struct viv_error err;

    viv_config_init(&config);
    config.worker_path = worker;
    config.profiles = &profile;
    config.profile_count = 1;
    config.workers_max = WARM;
    config.allow_absent = UINT64_MAX;
    if (viv_supervisor_create(&config, &s, &err) < 0)
        die(err.text);
    return s;
}

static double children_cpu_ms(void)
{
    struct rusage u;

    getrusage(RUSAGE_CHILDREN, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

/* Returns the processor time. */
static double run_many(const char *worker, const char *const *preload, enum viv_isolation isolation,
                       unsigned runs, struct figures *f)
{
    double cpu_before = children_cpu_ms();
    struct viv_supervisor *s = start(worker, preload, isolation, 0);

    for (unsigned i = 0; i < runs; i++) {
        double began = now_ms();

        run_one(s);
        f->ms[f->count++] = now_ms() - began;
    }
    viv_supervisor_destroy(s);
    return children_cpu_ms() - cpu_before;
}

static void on_described(void *arg, const struct viv_description *d)
{
    pthread_mutex_lock(&seen.lock);
    *(unsigned *)arg = d->idle;
    seen.ended++;
    pthread_cond_signal(&seen.changed);
    pthread_mutex_unlock(&seen.lock);
}

static unsigned idle_now(struct viv_supervisor *s)
{
    unsigned idle = 0, before;

    pthread_mutex_lock(&seen.lock);
    before = seen.ended;
    pthread_mutex_unlock(&seen.lock);
    if (viv_describe(s, NULL, on_described, &idle, NULL) < 0)
        die("can't describe");
    pthread_mutex_lock(&seen.lock);
    while (seen.ended == before)
        pthread_cond_wait(&seen.changed, &seen.lock);
    pthread_mutex_unlock(&seen.lock);
    return idle;
}

static uint64_t memory_with(const char *worker, const char *const *preload,
                            enum viv_isolation isolation, unsigned warm)
{
    struct viv_supervisor *s = start(worker, preload, isolation, warm);
    uint64_t bytes;

    while (idle_now(s) < warm)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    bytes = process_tree_pss_bytes(getpid(), 0);
    viv_supervisor_destroy(s);
    return bytes;
}

static void measure(const char *worker, const char *const *preload, enum viv_isolation isolation,
                    struct figures *f)
{
    double nothing = run_many(worker, preload, isolation, 0, f);

    f->cpu_ms += (run_many(worker, preload, isolation, RUNS, f) - nothing) / (RUNS * ROUNDS);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void print(const char *name, struct figures *f)
{
    qsort(f->ms, f->count, sizeof(double), by_value);
    printf("| %-4s | %8.1f | %8.1f | %13.1f | %15.1f |\n", name, f->ms[f->count / 2],
           f->ms[f->count * 9 / 10], f->cpu_ms, (double)f->idle_bytes / (1 << 20));
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"fork", "exec"};
    const char *const *preload = (const char *const *)argv + 2;
    struct figures figures[2] = {0};

    if (argc < 2)
        die("usage: isolation_bench WORKER [MODULE]...");
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < 2; i++)
            measure(argv[1], preload, (enum viv_isolation)i, &figures[i]);
    for (int i = 0; i < 2; i++) {
        uint64_t none = memory_with(argv[1], preload, (enum viv_isolation)i, 0);

        figures[i].idle_bytes =
            (memory_with(argv[1], preload, (enum viv_isolation)i, WARM) - none) / WARM;
    }
    puts("isolation: an execution whose worker is started for it, none being ready");
    puts("|      | p50, ms  | p90, ms  | processor, ms | MiB, waiting    |");
    puts("|------|---------:|---------:|--------------:|----------------:|");
    for (int i = 0; i < 2; i++)
        print(names[i], &figures[i]);
    return 0;
}
