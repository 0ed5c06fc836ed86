/* The bare loop of a worker's life, against the real zygote and nothing else:
 * SPAWN, HELLO, RUN "pass", RESULT, EXITED. What a supervisor does beside that
 * is the supervisor's cost.
 *
 *     clone_loop WORKER [COUNT [MODULE]...]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/worker/rig.h"

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

enum phase { HELLO, RESULT, EXITED, WHOLE, PHASES };

static const char *const names[PHASES] = {"SPAWN to HELLO", "RUN to end of output", "to EXITED",
                                          "whole"};

static void measure(struct rig *rig, double *took[PHASES], size_t i)
{
    const struct order order = {.code = "pass"};
    struct worker worker;
    struct run run;
    double t0 = now_us(), t1, t2, t3;

    rig_spawn(rig, &worker);
    t1 = now_us();
    rig_run(&worker, &order, &run);
    t2 = now_us();
    rig_reap(rig, &worker, false);
    t3 = now_us();
    if (!run.result || run.result->end != VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED) {
        fputs("clone_loop: a run did not complete\n", stderr);
        exit(1);
    }
    run_free(&run);
    took[HELLO][i] = t1 - t0;
    took[RESULT][i] = t2 - t1;
    took[EXITED][i] = t3 - t2;
    took[WHOLE][i] = t3 - t0;
}

int main(int argc, char **argv)
{
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 500;
    double *took[PHASES] = {0}, began;
    struct rig rig;

    if (argc < 2 || count == 0) {
        fputs("usage: clone_loop WORKER [COUNT [MODULE]...]\n", stderr);
        return 2;
    }
    for (int p = 0; p < PHASES; p++) {
        took[p] = calloc(count, sizeof(double));
        if (!took[p])
            abort();
    }
    rig_start(&rig, argv[1], argc > 3 ? (const char *const *)argv + 3 : NULL);
    if (rig.ready.type != VIV_ZYGOTE_READY) {
        fprintf(stderr, "clone_loop: %s\n", rig.ready.text);
        return 1;
    }
    for (size_t i = 0; i < count / 10 + 1; i++)
        measure(&rig, took, 0);
    began = now_us();
    for (size_t i = 0; i < count; i++)
        measure(&rig, took, i);
    began = now_us() - began;
    rig_stop(&rig);
    printf("| %-20s | %9s | %9s |\n", "bare clone loop", "p50 us", "p99 us");
    for (int p = 0; p < PHASES; p++) {
        qsort(took[p], count, sizeof(double), ascending);
        printf("| %-20s | %9.0f | %9.0f |\n", names[p], took[p][count / 2],
               took[p][count * 99 / 100]);
        free(took[p]);
    }
    printf("%.0f workers per second, one after the other (%zu)\n", (double)count * 1e6 / began,
           count);
    return 0;
}
