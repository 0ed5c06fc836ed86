/* What the jail costs: a worker's birth, its memory while idle, and each layer
 * in code that computes and in code that calls the kernel.
 *
 * usage: jail_bench WORKER [ROUNDS [WORKERS...]]
 *
 * Births are timed from the order to the first step of user code, in zygotes
 * that lack layers, turn by turn; the figures are medians. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "proto/layer.h"
#include "tests/worker/rig.h"

#define ROUNDS_MAX 1001
#define BIT VIV_LAYER_BIT

#define NAMESPACES                                                       \
    (BIT(VIV_LAYER_USER_NAMESPACE) | BIT(VIV_LAYER_PID_NAMESPACE) |      \
     BIT(VIV_LAYER_MOUNT_NAMESPACE) | BIT(VIV_LAYER_NETWORK_NAMESPACE) | \
     BIT(VIV_LAYER_IPC_NAMESPACE) | BIT(VIV_LAYER_UTS_NAMESPACE))

static struct world {
    const char *name;
    uint64_t without;
    struct rig rig;
    double birth[ROUNDS_MAX], compute[ROUNDS_MAX], call[ROUNDS_MAX]; /* us, ms, ns */
} worlds[VIV_LAYERS + 3] = {
    {.name = "a bare fork", .without = VIV_LAYERS_JAIL},
    {.name = "a bare clone with namespaces", .without = VIV_LAYERS_JAIL & ~NAMESPACES},
    {.name = "the whole jail"},
};
static unsigned world_count = 3, rounds = 21;
static const char *worker_path;

static double now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, rounds, sizeof(*values), ascending);
    return values[rounds / 2];
}

static void start(struct world *w)
{
    const char *args[2 * VIV_LAYERS + 1] = {NULL};
    unsigned count = 0;

    for (unsigned i = 0; i < VIV_LAYERS; i++)
        if (w->without & BIT(i)) {
            args[count++] = "--without";
            args[count++] = viv_layer_name(i);
        }
    rig_start_with(&w->rig, worker_path, args);
    if (w->rig.ready.type != VIV_ZYGOTE_READY) {
        fprintf(stderr, "jail_bench: %s\n", w->rig.ready.text);
        exit(1);
    }
}

static const char code[] = "import os, time\n"
                           "a = time.perf_counter()\n"
                           "x = 0\n"
                           "for i in range(200000): x += i * i % 7\n"
                           "b = time.perf_counter()\n"
                           "f = os.getppid\n"
                           "for i in range(50000): f()\n"
                           "c = time.perf_counter()\n"
                           "f'{(b - a) * 1e3} {(c - b) / 50000 * 1e9}'";

static void measure(struct world *w, unsigned round)
{
    const struct order order = {.code = code};
    double began = now_us();
    struct worker worker;
    struct run run;

    rig_spawn(&w->rig, &worker);
    rig_run(&worker, &order, &run);
    rig_reap(&w->rig, &worker, false);
    if (!run.answer || run.answer->result_repr[0] != '\'') {
        fprintf(stderr, "jail_bench: no answer in %s\n", w->name);
        exit(1);
    }
    w->birth[round] = (double)run.result->began_ns / 1e3 - began;
    w->compute[round] = strtod(run.answer->result_repr + 1, NULL);
    w->call[round] = strtod(strchr(run.answer->result_repr, ' '), NULL);
    run_free(&run);
}

static void add_single_layers(void)
{
    for (unsigned i = 0; i < VIV_LAYERS; i++) {
        static char names[VIV_LAYERS][48];

        if (!(VIV_LAYERS_JAIL & BIT(i)))
            continue;
        snprintf(names[i], sizeof(names[i]), "without %s", viv_layer_name(i));
        worlds[world_count++] = (struct world){.name = names[i], .without = BIT(i)};
    }
}

static void print_worlds(void)
{
    double fork = 0, clone = 0;

    puts("| worker | to its first step, us | / fork | / clone | computing, ms | a call, ns |");
    puts("|---|---|---|---|---|---|");
    for (unsigned i = 0; i < world_count; i++) {
        double birth = median(worlds[i].birth);

        fork = i == 0 ? birth : fork;
        clone = i <= 1 ? birth : clone;
        printf("| %s | %.0f | %.2f | %.2f | %.2f | %.0f |\n", worlds[i].name, birth, birth / fork,
               birth / clone, median(worlds[i].compute), median(worlds[i].call));
    }
}

static long field_of(const char *path, const char *key)
{
    char line[256];
    long value = -1;
    FILE *f = fopen(path, "re");

    while (f && fgets(line, sizeof(line), f))
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtol(line + strlen(key), NULL, 10);
    if (f)
        fclose(f);
    return value;
}

static int pid_of(int pidfd)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
    return (int)field_of(path, "Pid:");
}

/* Init and VM share their memory: one of them is all. */
static void print_memory(struct rig *rig, unsigned count)
{
    struct worker *workers = calloc(count, sizeof(*workers));
    long pss = 0, own = 0;

    for (unsigned i = 0; workers && i < count; i++)
        rig_spawn(rig, &workers[i]);
    for (unsigned i = 0; workers && i < count; i++) {
        char path[64];

        snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid_of(workers[i].vm));
        pss += field_of(path, "Pss:");
        own += field_of(path, "Private_Dirty:");
    }
    printf("| %u | %ld | %ld |\n", count, pss / count, own / count);
    for (unsigned i = 0; workers && i < count; i++)
        rig_reap(rig, &workers[i], true);
    free(workers);
}

int main(int argc, char **argv)
{
    static const unsigned sizes[] = {10, 100, 1000};
    struct rlimit files;

    if (argc < 2)
        return 2;
    /* Five for each worker. */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    worker_path = argv[1];
    if (argc > 2)
        rounds = (unsigned)strtoul(argv[2], NULL, 10);
    if (rounds == 0 || rounds > ROUNDS_MAX)
        return 2;
    add_single_layers();
    for (unsigned i = 0; i < world_count; i++)
        start(&worlds[i]);
    for (unsigned round = 0; round < rounds; round++)
        for (unsigned i = 0; i < world_count; i++)
            measure(&worlds[i], round);
    print_worlds();
    puts("\n| idle workers | PSS each, KiB | private each, KiB |\n|---|---|---|");
    for (unsigned i = 0; i < 3 && argc <= 3; i++)
        print_memory(&worlds[2].rig, sizes[i]);
    for (int i = 3; i < argc; i++)
        print_memory(&worlds[2].rig, (unsigned)strtoul(argv[i], NULL, 10));
    for (unsigned i = 0; i < world_count; i++)
        rig_stop(&worlds[i].rig);
    return 0;
}
