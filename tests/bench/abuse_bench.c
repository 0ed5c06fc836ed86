/* What abuse costs: the daemon's memory and another tenant's latency, before, during
 * and after each kind.
 *
 * usage: abuse_bench [--check] [SECONDS [KIND...]]
 *
 * $VIVARIUMD is the daemon, $VIVARIUM_WORKER its worker. With --check it ends with 1
 * where memory went past the bound that the daemon prints for its configuration. */
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/abuse_kinds.h"
#include "tests/service/daemon_process.h"
#include "tests/service/rpc.h"
#include "vivarium/v1/vivarium.pb-c.h"

#define SAMPLES_MAX 100000
#define MIB 1048576.0

extern char **environ;

/* Small, so that what has no bound shows soon. */
static const char *const flags[] = {
    "--max-message",
    "4194304",
    "--workers-warm",
    "2",
    "--workers-max",
    "4",
    "--queue-max",
    "64",
    "--max-connections",
    "10500",
    "--max-streams",
    "32",
    "--sessions-max",
    "8",
    "--log-level",
    "error",
    NULL,
};

struct phase {
    double ms[SAMPLES_MAX];
    unsigned count, failed;
    long peak_kib;
    char why[RPC_TEXT_MAX]; /* the first one failed */
};

static struct daemon_process target;
static uint64_t bound;
static long peak_kib;

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void execute_once(grpc_channel *channel, struct phase *p)
{
    Vivarium__V1__ExecuteRequest request = VIVARIUM__V1__EXECUTE_REQUEST__INIT;
    int64_t began = now_ns();
    ProtobufCMessage *response;
    char text[RPC_TEXT_MAX];
    int status;

    request.code = "6 * 7";
    status = rpc_unary(channel, "/vivarium.v1.Vivarium/Execute", &request.base,
                       &vivarium__v1__execute_response__descriptor,
                       (struct rpc_options){.tenant = "victim"}, &response, text);
    if (status == GRPC_STATUS_OK)
        protobuf_c_message_free_unpacked(response, NULL);
    else if (p->failed++ == 0)
        snprintf(p->why, sizeof(p->why), "%d, %.*s", status, RPC_TEXT_MAX - 16, text);
    if (p->count < SAMPLES_MAX)
        p->ms[p->count++] = (double)(now_ns() - began) / 1e6;
}

/* The victim has one connection and one execution at a time. */
static void measure(double seconds, struct phase *p)
{
    int64_t until = now_ns() + (int64_t)(seconds * 1e9);
    grpc_channel *channel = rpc_open(target.target);

    p->count = p->failed = 0;
    p->peak_kib = 0;
    do {
        long kib;

        execute_once(channel, p);
        kib = daemon_process_resident_kib(&target);
        p->peak_kib = kib > p->peak_kib ? kib : p->peak_kib;
    } while (now_ns() < until);
    grpc_channel_destroy(channel);
    qsort(p->ms, p->count, sizeof(double), by_value);
    peak_kib = p->peak_kib > peak_kib ? p->peak_kib : peak_kib;
}

static void show(const char *kind, const char *when, const struct phase *p)
{
    printf("| %-11s | %-6s | %8.1f | %8.2f | %8.2f | %6u | %6u |\n", kind, when,
           (double)p->peak_kib * 1024 / MIB, p->ms[p->count / 2],
           p->ms[(size_t)p->count * 99 / 100], p->count, p->failed);
    if (p->failed > 0)
        printf("|   the first that failed: %s\n", p->why);
    fflush(stdout);
}

/* A process of its own, so that its threads are not the victim's. */
static pid_t begin_abuse(const char *self, const char *kind, int *ret_fd)
{
    const char *const argv[] = {self, "--abuse", kind, target.socket, NULL};
    posix_spawn_file_actions_t actions;
    int fds[2];
    pid_t pid;

    if (pipe(fds) < 0)
        abort();
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, fds[0]);
    if (posix_spawn(&pid, self, &actions, NULL, (char *const *)argv, environ) != 0)
        abort();
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    *ret_fd = fds[0];
    return pid;
}

static void end_abuse(pid_t pid, int fd)
{
    char text[256];
    ssize_t n;

    kill(pid, SIGTERM);
    n = read(fd, text, sizeof(text) - 1);
    if (n > 0) {
        text[n] = '\0';
        printf("|   %s", text);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(fd);
}

static void try_kind(const char *self, const char *kind, double seconds)
{
    static struct phase p;
    pid_t pid;
    int fd;

    measure(seconds / 2, &p);
    show(kind, "before", &p);
    pid = begin_abuse(self, kind, &fd);
    measure(seconds, &p);
    end_abuse(pid, fd);
    show("", "during", &p);
    measure(seconds / 2, &p);
    show("", "after", &p);
}

/* No tenant may run on all workers: what one runs for ever must leave some. And little
 * of everything, so that the bound means something. */
static void set_config(char path[64])
{
    static const char text[] = "request_bytes_total: 64MiB\n"
                               "answer_bytes_total: 64MiB\n"
                               "memory_store_bytes: 64MiB\n"
                               "ceilings: {output_bytes: 8MiB}\n"
                               "tenants:\n"
                               "  - {name: default, running: 2}\n";
    int fd;

    strcpy(path, "/tmp/viv-abuse-XXXXXX");
    fd = mkstemp(path);
    if (fd < 0 || write(fd, text, sizeof(text) - 1) < 0)
        abort();
    close(fd);
    setenv("VIVARIUM_CONFIG", path, 1);
}

static void raise_descriptors(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* As --check-config says it of the same flags. */
static uint64_t read_bound(void)
{
    char command[2048], line[256];
    uint64_t bytes = 0;
    size_t len;
    FILE *f;

    len = (size_t)snprintf(command, sizeof(command), "%s --check-config", getenv("VIVARIUMD"));
    for (size_t i = 0; flags[i]; i++)
        len += (size_t)snprintf(command + len, sizeof(command) - len, " %s", flags[i]);
    f = popen(command, "r");
    while (f && fgets(line, sizeof(line), f)) {
        const char *found = strstr(line, "stays below ");

        if (found)
            bytes = strtoull(found + strlen("stays below "), NULL, 10);
    }
    if (!f || pclose(f) != 0 || bytes == 0) {
        fprintf(stderr, "abuse_bench: vivariumd --check-config tells no bound\n");
        exit(2);
    }
    return bytes;
}

static int judge(bool check)
{
    double most = (double)peak_kib * 1024;
    int status;

    printf("the most memory: %.1f MiB; the bound of this configuration: %.1f MiB\n", most / MIB,
           (double)bound / MIB);
    status = daemon_process_stop(&target);
    if (status != 0)
        printf("the daemon ended with %d\n", status);
    return status != 0 || (check && most > (double)bound);
}

int main(int argc, char **argv)
{
    char config[64];
    bool check = argc > 1 && strcmp(argv[1], "--check") == 0;
    double seconds;
    int at = check ? 2 : 1;

    raise_descriptors();
    if (argc == 4 && strcmp(argv[1], "--abuse") == 0)
        return abuse_run(argv[2], argv[3]);
    seconds = argc > at ? strtod(argv[at++], NULL) : 4;
    set_config(config);
    bound = read_bound();
    grpc_init();
    daemon_process_start(&target, flags);
    unlink(config);
    printf("| %-11s | %-6s | %-8s | %-8s | %-8s | %-6s | %-6s |\n", "abuse", "", "peak MiB",
           "p50 ms", "p99 ms", "calls", "failed");
    printf("|-------------|--------|----------|----------|----------|--------|--------|\n");
    if (at == argc)
        for (size_t i = 0; abuse_kinds[i].name; i++)
            try_kind(argv[0], abuse_kinds[i].name, seconds);
    for (; at < argc; at++)
        try_kind(argv[0], argv[at], seconds);
    grpc_shutdown_blocking();
    return judge(check);
}
