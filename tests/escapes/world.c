#include "tests/escapes/world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/escapes/host.h"
#include "tests/worker/rig.h"
#include "worker/layers.h"

struct world {
    uint64_t without;
    struct rig rig;
    struct worker victim;
    char *code; /* what stands before every attempt */
};

#define WORLDS_MAX 200
#define PATIENCE_MS 30000
#define HOW 200

static struct world worlds[WORLDS_MAX];
static unsigned world_count;
static const char *worker_path, *prelude, *victim_code;

void worlds_start(const char *path, const char *before, const char *victim)
{
    worker_path = path;
    prelude = before;
    victim_code = victim;
}

static pid_t pid_of(int pidfd)
{
    char path[64], line[128];
    long pid = -1;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f))
        if (strncmp(line, "Pid:", 4) == 0)
            pid = strtol(line + 4, NULL, 10);
    if (f)
        fclose(f);
    return (pid_t)pid;
}

static void wait_until_ready(int out)
{
    char text[7] = "";
    size_t len = 0;
    ssize_t n;

    while (len < 6 && (n = read(out, text + len, 6 - len)) > 0)
        len += (size_t)n;
    if (strcmp(text, "ready\n") == 0)
        return;
    fprintf(stderr, "the victim did not get ready: %s\n", text);
    exit(3);
}

/* Returns when it has done its work; it stays. */
static void start_victim(struct world *w)
{
    char facts[1024];
    struct order order = {0};
    char *code;

    rig_spawn(&w->rig, &w->victim);
    host_facts(pid_of(w->victim.vm), facts, sizeof(facts));
    if (asprintf(&w->code, "%s%s", prelude, facts) < 0 ||
        asprintf(&code, "%s%s", w->code, victim_code) < 0)
        exit(3);
    order.code = code;
    rig_begin(&w->victim, &order);
    wait_until_ready(w->victim.out);
    free(code);
}

static struct world *start(uint64_t without)
{
    struct world *w = &worlds[world_count++];
    const char *args[2 * VIV_LAYERS + 1] = {NULL};
    unsigned count = 0;

    if (world_count == WORLDS_MAX)
        exit(3);
    w->without = without;
    for (unsigned i = 0; i < VIV_LAYERS; i++)
        if (without & VIV_LAYER_BIT(i)) {
            args[count++] = "--without";
            args[count++] = viv_layer_name(i);
        }
    rig_start_with(&w->rig, worker_path, args);
    if (w->rig.ready.type != VIV_ZYGOTE_READY || (w->rig.ready.layers & without)) {
        fprintf(stderr, "no zygote: %s, layers %#llx\n", w->rig.ready.text,
                (unsigned long long)w->rig.ready.layers);
        exit(3);
    }
    start_victim(w);
    return w;
}

static struct world *world_of(uint64_t without)
{
    for (unsigned i = 0; i < world_count; i++)
        if (worlds[i].without == without)
            return &worlds[i];
    return start(without);
}

void worlds_stop(void)
{
    for (unsigned i = 0; i < world_count; i++) {
        rig_reap(&worlds[i].rig, &worlds[i].victim, true);
        rig_stop(&worlds[i].rig);
        free(worlds[i].code);
    }
}

/* The last line of what it printed. */
static const char *last_line(char *text)
{
    size_t len = strlen(text);
    char *newline;

    while (len > 0 && text[len - 1] == '\n')
        text[--len] = '\0';
    newline = strrchr(text, '\n');
    return newline ? newline + 1 : text;
}

static void explain(struct run *run, char *how)
{
    char *escaped = strstr(run->out, "ESCAPED");

    if (escaped)
        snprintf(how, HOW, "%s", escaped);
    else if (run->malformed)
        snprintf(how, HOW, "the supervisor ends who sends what it doesn't understand");
    else if (run->answer && run->answer->error)
        snprintf(how, HOW, "%s: %s", run->answer->error->type, run->answer->error->message);
    else if (run->vm_ended && WIFSIGNALED(run->vm_status))
        snprintf(how, HOW, "ended by SIG%s", sigabbrev_np(WTERMSIG(run->vm_status)));
    else if (run->out[0])
        snprintf(how, HOW, "%s", last_line(run->out));
    else
        snprintf(how, HOW, "%s", run->result ? "came to nothing" : "ended without a word");
    how[strcspn(how, "\n")] = '\0';
}

bool world_attempt(const struct attempt *attempt, uint64_t without, char *how)
{
    struct world *w = world_of(without);
    struct order order = {.patience_ms = PATIENCE_MS};
    struct worker worker;
    struct run run;
    bool escaped;
    char *code;

    if (asprintf(&code, "%s%s", w->code, attempt->code) < 0)
        exit(3);
    order.code = code;
    rig_spawn(&w->rig, &worker);
    rig_run(&worker, &order, &run);
    rig_reap(&w->rig, &worker, true);
    explain(&run, how);
    escaped = strstr(run.out, "ESCAPED") != NULL;
    if (strncmp(attempt->name, "outlive", 7) == 0 && host_outlived() > 0) {
        escaped = true;
        snprintf(how, HOW, "ESCAPED: a process outlived its worker");
    }
    run_free(&run);
    free(code);
    return escaped;
}
