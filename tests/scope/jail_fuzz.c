/* Snapshots from a stranger, restored where they are meant to be: in a jailed
 * worker of a real zygote. They hold forged code, and may do to the worker what
 * they like; each must come to a clear end (a result, or word of how the worker
 * died), and nothing may be left of any.
 *
 *     jail_fuzz WORKER SEEDS SECONDS [NUMBER]
 *
 * SEEDS is a folder of snapshots with one byte before each, as restore_fuzz
 * takes them. NUMBER begins the random numbers. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/scope/mutate.h"
#include "tests/worker/rig.h"

#define SEEDS_MAX 64
#define INPUT_MAX (256u * 1024)
#define RUNS_OF_A_WORKER 20
#define SECONDS_OF_A_RUN 60

/* Uses what came: attributes, calls, another trip. */
static const char code[] = "for _n, _v in list(globals().items()):\n"
                           "    try: repr(_v); hash(_v); [getattr(_v, a, 0) for a in dir(_v)]\n"
                           "    except Exception: pass\n"
                           "    if _n in ('f', 'g', 'h', 'b', 'm'):\n"
                           "        try: _v(1)\n"
                           "        except Exception: pass\n";

enum end { ANSWERED, RAISED, CANCELLED, OUT_OF_MEMORY, EXITED, SIGNALLED, ENDS };

static const char *const end_names[ENDS] = {"answered",      "raised", "cancelled",
                                            "out of memory", "exited", "died of a signal"};

static struct mutate_bytes seeds[SEEDS_MAX];
static size_t seed_count;
static unsigned long ends[ENDS], workers;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(2);
}

static void read_seed(const char *folder, const char *name)
{
    char path[4096];
    struct mutate_bytes seed = {malloc(INPUT_MAX), 0};
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "r");
    if (!file || !seed.data)
        die(path);
    if (fgetc(file) != EOF)
        seed.len = fread(seed.data, 1, INPUT_MAX, file);
    fclose(file);
    seeds[seed_count++] = seed;
}

static void read_seeds(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    if (!dir)
        die(folder);
    while ((entry = readdir(dir)) && seed_count < SEEDS_MAX)
        if (entry->d_name[0] != '.')
            read_seed(folder, entry->d_name);
    if (seed_count == 0)
        die("no seeds");
    closedir(dir);
}

/* --- one run ---------------------------------------------------------------- */

static void keep_finding(const struct mutate_bytes *input)
{
    FILE *file;

    mkdir("fuzz-findings", 0777);
    file = fopen("fuzz-findings/jail_fuzz-input", "w");
    if (file) {
        fputc(0, file);
        fwrite(input->data, 1, input->len, file);
        fclose(file);
    }
}

static enum end end_of_result(const struct run *run)
{
    switch (run->result->end) {
    case VIVARIUM__INTERNAL__RUN_END__RUN_END_RAISED:
        return RAISED;
    case VIVARIUM__INTERNAL__RUN_END__RUN_END_CANCELLED:
        return CANCELLED;
    case VIVARIUM__INTERNAL__RUN_END__RUN_END_MEMORY_EXCEEDED:
        return OUT_OF_MEMORY;
    default:
        return ANSWERED;
    }
}

/* What was answered says what became of the names on both ways. */
static bool has_manifests(const struct run *run, size_t len)
{
    return run->answer->manifest && (!len || run->answer->restore_manifest);
}

/* -1: it came to no clear end. */
static int end_of(const struct run *run)
{
    if (run->result)
        return run->result_count == 1 ? (int)end_of_result(run) : -1;
    if (run->vm_ended)
        return WIFSIGNALED(run->vm_status) ? SIGNALLED : EXITED;
    return -1;
}

/* Whether the worker can take another. The rig ends the program where a frame
 * is malformed; the alarm does where nothing comes. */
static bool run_one(struct worker *worker, struct mutate_bytes *input)
{
    struct order order = {.code = code,
                          .scope = input->data,
                          .scope_len = input->len,
                          .return_scope = true,
                          .keep = true,
                          .cancel_after_ms = 500,
                          .patience_ms = 5000};
    struct run run;
    bool more;
    int end;

    alarm(SECONDS_OF_A_RUN);
    rig_run(worker, &order, &run);
    end = end_of(&run);
    if (end == ANSWERED && !has_manifests(&run, input->len))
        end = -1;
    /* The rig's own kill takes init and with it the word of what became of the VM. */
    if (end < 0 && !run.result && !run.vm_ended)
        end = SIGNALLED;
    if (end < 0) {
        keep_finding(input);
        die("not one clear end: fuzz-findings/jail_fuzz-input");
    }
    ends[end]++;
    more = run.result && run.result->reusable;
    run_free(&run);
    return more;
}

static void run_worker(struct rig *rig, uint64_t *state)
{
    struct worker worker;
    bool more = true;

    rig_spawn(rig, &worker);
    workers++;
    for (int i = 0; more && i < RUNS_OF_A_WORKER; i++) {
        struct mutate_bytes input = mutate(seeds[mutate_random(state) % seed_count],
                                           seeds[mutate_random(state) % seed_count], INPUT_MAX,
                                           state);

        more = run_one(&worker, &input);
        free(input.data);
    }
    rig_reap(rig, &worker, more);
}

/* --- what is left ----------------------------------------------------------- */

static size_t count_entries(const char *path)
{
    DIR *dir = opendir(path);
    size_t count = 0;

    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count;
}

static size_t count_children(pid_t pid)
{
    char path[64];
    FILE *file;
    size_t count = 0;
    int child;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    file = fopen(path, "r");
    while (file && fscanf(file, "%d", &child) == 1)
        count++;
    if (file)
        fclose(file);
    return count;
}

/* Of a zygote without workers, and here. */
struct left {
    size_t children, fds, own_fds;
};

static struct left count_left(pid_t zygote)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)zygote);
    return (struct left){count_children(zygote), count_entries(path),
                         count_entries("/proc/self/fd")};
}

static void report(uint64_t seconds)
{
    unsigned long all = 0;

    for (int i = 0; i < ENDS; i++)
        all += ends[i];
    printf("%lu snapshots in %lu workers, %lu s:", all, workers, (unsigned long)seconds);
    for (int i = 0; i < ENDS; i++)
        printf(" %lu %s%s", ends[i], end_names[i], i + 1 < ENDS ? "," : "\n");
}

int main(int argc, char **argv)
{
    struct left before, after;
    struct rig rig;
    uint64_t state;
    time_t until;

    if (argc < 4)
        die("usage: jail_fuzz WORKER SEEDS SECONDS [NUMBER]");
    read_seeds(argv[2]);
    state = argc > 4 ? strtoull(argv[4], NULL, 0) | 1 : (uint64_t)time(NULL) << 20 | 1;
    printf("jail_fuzz: numbers from %llu\n", (unsigned long long)state);
    fflush(stdout);
    rig_start(&rig, argv[1], NULL);
    if (rig.ready.type != VIV_ZYGOTE_READY)
        die(rig.ready.text);
    run_worker(&rig, &state);
    before = count_left(rig.pid);
    for (until = time(NULL) + atoi(argv[3]); time(NULL) < until;)
        run_worker(&rig, &state);
    after = count_left(rig.pid);
    report(strtoull(argv[3], NULL, 10));
    if (memcmp(&before, &after, sizeof(before)) != 0) {
        fprintf(stderr, "left: children %zu, were %zu; descriptors %zu, were %zu; here %zu, %zu\n",
                after.children, before.children, after.fds, before.fds, after.own_fds,
                before.own_fds);
        die("something was left behind");
    }
    rig_stop(&rig);
    return 0;
}
